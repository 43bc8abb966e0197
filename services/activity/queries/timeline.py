"""The timeline of a case, across services."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field

from libs.kit.auth import CASE_READERS
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, order
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.store import NotFound
from services.activity.model.activity_event import activity_events
from services.activity.model.importance import Importance, importance_of, types_of
from services.activity.queries.names import names_of
from services.activity.queries.view import EventOut, View, values_of

router = Router(tags=["events"])
_c = activity_events.c


class TimelineEvent(EventOut):
    """An event in the story of its case. `actor_name` is the actor's of now, where it is somebody and the reader may know who."""

    importance: Importance
    actor_name: NamedPerson | None


class Timeline(Listing):
    importance: Importance | None = Field(None, description="at least so important")
    sort: str = order("time")


@router.get("/v1/cases/{case_id}/timeline", dependencies=[allow(*CASE_READERS)])
async def list_timeline_route(
    case_id: UUID, tx: Tx, caller: Caller, asked: Annotated[Timeline, Query()]
) -> Page[TimelineEvent]:
    """What happened to a case in every service, by the time at which it happened."""
    view, (_, falls) = View.of(caller), asked.sorted_by()
    its = sa.select(activity_events).where(_c.case_id == case_id, *view.of_accounts, *view.published)
    query, keys = its.where(*_at_least(asked.importance)), (_c.time, view.position)
    after = asked.after(datetime, int)
    if after:
        here, there = sa.tuple_(*keys), sa.tuple_(*map(sa.literal, after))
        query = query.where(here < there if falls else here > there)
    by = [each.desc() if falls else each for each in keys]
    records = await tx.fetch(query.order_by(*by).limit(asked.limit + 1))
    if not records and after is None and not await tx.fetch(its.limit(1)):
        raise NotFound("case", case_id)
    names = await names_of((each["actor"] for each in records), tx, caller)
    shown = [
        TimelineEvent(
            **dict(view.out(each)), importance=importance_of(each["type"]), actor_name=names.get(each["actor"])
        )
        for each in records[: asked.limit]
    ]
    more = len(records) > asked.limit
    return Page(items=shown, next_cursor=asked.cursor_after((shown[-1].time, shown[-1].seq)) if more else None)


def _at_least(importance: Importance | None) -> list[sa.ColumnElement[bool]]:
    """A case has some hundred events: they are all read, by the index of the case, and those of less importance left out."""
    match importance:
        case "high":
            return [_c.type == sa.any_(values_of(_c.type, types_of("high")))]
        case "normal":
            return [_c.type != sa.all_(values_of(_c.type, types_of("low")))]
    return []

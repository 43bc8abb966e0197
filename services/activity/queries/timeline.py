"""The timeline of a case, across services."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query

from libs.kit.auth import CASE_READERS
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.store import NotFound
from services.activity.model.activity_event import activity_events
from services.activity.model.importance import Importance, importance_of, types_of
from services.activity.queries.view import EventOut, View, values_of

router = Router(tags=["events"])
_c = activity_events.c


class TimelineEvent(EventOut):
    """An event in the story of its case."""

    importance: Importance


@router.get("/v1/cases/{case_id}/timeline", dependencies=[allow(*CASE_READERS)])
async def list_timeline_route(
    case_id: UUID,
    paging: Paging,
    tx: Tx,
    caller: Caller,
    sort: Annotated[Literal["time", "-time"], Query(description="`-`: the newest first")] = "time",
    importance: Annotated[Importance | None, Query(description="at least so important")] = None,
) -> Page[TimelineEvent]:
    """What happened to a case in every service, by the time at which it happened."""
    view, falls = View.of(caller), sort == "-time"
    its = sa.select(activity_events).where(_c.case_id == case_id, *view.of_accounts, *view.published)
    query, keys = its.where(*_at_least(importance)), (_c.time, view.position)
    if key := paging.after(datetime, int):
        here, there = sa.tuple_(*keys), sa.tuple_(*map(sa.literal, key))
        query = query.where(here < there if falls else here > there)
    order = [each.desc() if falls else each for each in keys]
    records = await tx.fetch(query.order_by(*order).limit(paging.limit + 1))
    if not records and key is None and not await tx.fetch(its.limit(1)):
        raise NotFound("case", case_id)
    shown = [TimelineEvent(**dict(view.out(record)), importance=importance_of(record["type"])) for record in records]
    return page(shown, paging.limit, lambda event: (event.time, event.seq))


def _at_least(importance: Importance | None) -> list[sa.ColumnElement[bool]]:
    """A case has some hundred events: they are all read by the index of the case, and those of less importance left out."""
    match importance:
        case "high":
            return [_c.type == sa.any_(values_of(_c.type, types_of("high")))]
        case "normal":
            return [_c.type != sa.all_(values_of(_c.type, types_of("low")))]
    return []

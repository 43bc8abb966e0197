"""What happened: the timeline of a case, and the stream read again from any place."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Annotated, Any, Self
from uuid import UUID

import asyncpg
import pydantic_core
import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel

from libs.kit.auth import CASE_READERS, Principal
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.store import NotFound, Transaction
from services.activity.model.activity_event import activity_events, stream_position
from services.activity.model.types import known_types

router = Router(tags=["events"])
_c = activity_events.c


class EventOut(BaseModel):
    """An event as it was published, and its place in the stream."""

    seq: int
    id: UUID
    type: str
    source: str
    subject: UUID
    version: int
    time: datetime
    case_id: UUID | None
    account_id: UUID | None
    visibility: str
    actor: str
    causation_id: UUID | None
    traceparent: str | None
    data: Any


class EventPage(Page[EventOut]):
    """`position`: the stream holds nothing more for this request up to this place."""

    position: int


@dataclass(frozen=True)
class View:
    """Whose events are asked for. One that is narrowed to accounts sees an event where its account became known."""

    accounts: frozenset[UUID] | None
    public_only: bool

    @classmethod
    def of(cls, caller: Principal, account_id: UUID | None = None) -> Self:
        """What `caller` may see, narrowed to one account when asked."""
        asked = None if account_id is None else frozenset({account_id})
        if caller.staff:
            return cls(asked, public_only=False)
        return cls(caller.accounts if asked is None else caller.accounts & asked, public_only=True)

    @property
    def place(self) -> sa.Column[int]:
        """The column that holds an event's place in this view of the stream."""
        return _c.seq if self.accounts is None else _c.account_seq

    @property
    def of_accounts(self) -> list[sa.ColumnElement[bool]]:
        return [] if self.accounts is None else [_c.account_id == sa.any_(_list(_c.account_id, self.accounts))]

    @property
    def published(self) -> list[sa.ColumnElement[bool]]:
        return [_c.visibility == "public"] if self.public_only else []

    def out(self, record: asyncpg.Record) -> EventOut:
        """The event of a record, at its place in this view."""
        return event_out(record, record[self.place.name])


def event_out(record: asyncpg.Record, seq: int) -> EventOut:
    """A stored event at its place `seq`."""
    return EventOut(
        seq=seq,
        id=record["event_id"],
        type=record["type"],
        source=f"/polyplus/{record['topic'].partition('.')[0]}",
        subject=record["subject"],
        version=record["version"],
        time=record["time"],
        case_id=record["case_id"],
        account_id=record["account_id"],
        visibility=record["visibility"],
        actor=record["actor"],
        causation_id=record["causation_id"],
        traceparent=record["traceparent"],
        data=pydantic_core.from_json(record["data"]),
    )


@router.get("/v1/cases/{case_id}/timeline", dependencies=[allow(*CASE_READERS)])
async def case_timeline(case_id: UUID, paging: Paging, tx: Tx, caller: Caller) -> Page[EventOut]:
    """What happened to a case in every service, by the time at which it happened."""
    view = View.of(caller)
    query = sa.select(activity_events).where(_c.case_id == case_id, *view.of_accounts, *view.published)
    if key := paging.after(datetime, int):
        query = query.where(sa.tuple_(_c.time, view.place) > sa.tuple_(*map(sa.literal, key)))
    records = await tx.fetch(query.order_by(_c.time, view.place).limit(paging.limit + 1))
    if not records and key is None:
        raise NotFound("case", case_id)
    return page([view.out(record) for record in records], paging.limit, lambda event: (event.time, event.seq))


@router.get("/v1/events", dependencies=[allow(*CASE_READERS)])
async def replay_events(
    paging: Paging,
    tx: Tx,
    caller: Caller,
    after: Annotated[int, Query(ge=0, lt=2**63, description="the place to begin after")] = 0,
    type: Annotated[tuple[Word, ...], Query(max_length=50, description="types, or what known types begin with")] = (),
    case_id: UUID | None = None,
    account_id: UUID | None = None,
) -> EventPage:
    """The stream again, in its order, as `GET /v1/events/stream` sends it."""
    view = View.of(caller, account_id)
    # The place is read before the events: what comes in between is not promised.
    position = await last_place(tx)
    if key := paging.after(int):
        after = int(str(key[0]))
    types = known_types(type, public_only=view.public_only) if type else None
    if case_id is None:
        query = _merged(view, types, view.published, after, paging.limit + 1)
    else:
        where = [_c.case_id == case_id, view.place > after, *view.of_accounts, *view.published]
        where += [] if types is None else [_c.type == sa.any_(_list(_c.type, types))]
        query = sa.select(activity_events).where(*where).order_by(view.place).limit(paging.limit + 1)
    events = page([view.out(record) for record in await tx.fetch(query)], paging.limit, lambda event: (event.seq,))
    reached = events.items[-1].seq if events.items else position
    return EventPage(
        items=events.items,
        next_cursor=events.next_cursor,
        position=reached if events.next_cursor else max(reached, position),
    )


def _merged(
    view: View, types: Sequence[str] | None, where: Sequence[sa.ColumnElement[bool]], after: int, limit: int
) -> "sa.Select[Any]":
    """The first events of these types and of the view's accounts after a place, in the order of places.

    An index holds the events of one account and type in this order, and those of several in none: the first of each are
    read by themselves and put together. A type that is rare is found at once, wherever in the stream its events are.
    """
    wanted = ((_c.account_id, view.accounts), (_c.type, types))
    its = [(column, _each(column, values)) for column, values in wanted if values is not None]
    first = sa.select(activity_events).where(*where, view.place > after).limit(limit)
    if not its:
        return first.order_by(view.place)
    if view.accounts is None:
        [(_, each)] = its
        first = first.where(*_stretch(each.c.type, after)).order_by(_c.type, _c.seq)
    else:
        first = first.where(*(column == table.c[column.name] for column, table in its)).order_by(view.place)
    found = first.lateral("first")
    sources: list[sa.FromClause] = [*(table for _, table in its), found]
    joined = reduce(lambda left, right: left.join(right, sa.true()), sources)
    return sa.select(found).select_from(joined).order_by(found.c[view.place.name]).limit(limit)


def _stretch(type: sa.ColumnElement[str], after: int) -> list[sa.ColumnElement[bool]]:
    """The events of one type after a place, as a stretch of the index (type, seq).

    Of `type = …` the database believes that it will meet some soon, and walks the stream: for a rare type through all of it.
    """
    return [sa.tuple_(_c.type, _c.seq) > sa.tuple_(type, sa.literal(after)), _c.type <= type]


def _each(column: sa.Column[Any], values: Collection[Any]) -> sa.TableValuedAlias:
    """The values as a table with one column, named as `column` is."""
    its = sa.column(column.name, column.type)
    return sa.func.unnest(_list(column, values)).table_valued(its).render_derived(name=f"each_{column.name}")


def _list(column: sa.Column[Any], values: Collection[Any]) -> sa.Cast[Any]:
    return sa.cast(list(values), sa.ARRAY(column.type))


async def last_place(tx: Transaction) -> int:
    """The highest place given so far."""
    found = await tx.fetch(sa.select(stream_position.c.last))
    return found[0]["last"] if found else 0

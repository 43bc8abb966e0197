"""What happened: the timeline of a case, and the stream read again from any place."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
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
        return _c.seq if self.accounts is None else _c.account_seq

    @property
    def predicates(self) -> list[sa.ColumnElement[bool]]:
        """The predicates beside row-level security."""
        found: list[sa.ColumnElement[bool]] = []
        if self.accounts is not None:
            found.append(_c.account_id == sa.any_(sa.cast(list(self.accounts), sa.ARRAY(sa.Uuid()))))
        if self.public_only:
            found.append(_c.visibility == "public")
        return found

    def out(self, record: asyncpg.Record) -> EventOut:
        return event_out(record, record[self.place.name])


def event_out(record: asyncpg.Record, seq: int) -> EventOut:
    """A stored event at its place `seq`."""
    return EventOut(
        seq=seq, id=record["event_id"], type=record["type"], source=f"/polyplus/{record['topic'].partition('.')[0]}",
        subject=record["subject"], version=record["version"], time=record["time"], case_id=record["case_id"],
        account_id=record["account_id"], visibility=record["visibility"], actor=record["actor"],
        causation_id=record["causation_id"], traceparent=record["traceparent"], data=pydantic_core.from_json(record["data"]),
    )  # fmt: skip


@router.get("/v1/cases/{case_id}/timeline", dependencies=[allow(*CASE_READERS)])
async def case_timeline(case_id: UUID, paging: Paging, tx: Tx, caller: Caller) -> Page[EventOut]:
    """What happened to a case in every service, by the time at which it happened."""
    view = View.of(caller)
    query = sa.select(activity_events).where(_c.case_id == case_id, *view.predicates)
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
    type: Annotated[tuple[Word, ...], Query(max_length=50, description="types, or what they begin with")] = (),
    case_id: UUID | None = None,
    account_id: UUID | None = None,
) -> EventPage:
    """The stream again, in its order, as `GET /v1/events/stream` sends it."""
    view = View.of(caller, account_id)
    position = await last_place(tx)  # before the events: what comes in between is not promised
    if key := paging.after(int):
        after = int(str(key[0]))
    query = sa.select(activity_events).where(view.place > after, *view.predicates)
    if case_id is not None:
        query = query.where(_c.case_id == case_id)
    if type:
        query = query.where(_begins_with_one_of(type))
    records = await tx.fetch(query.order_by(view.place).limit(paging.limit + 1))
    events = page([view.out(record) for record in records], paging.limit, lambda event: (event.seq,))
    reached = events.items[-1].seq if events.items else position
    return EventPage(
        items=events.items,
        next_cursor=events.next_cursor,
        position=reached if events.next_cursor else max(reached, position),
    )


def _begins_with_one_of(prefixes: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.or_(*(_c.type.startswith(prefix, autoescape=True) for prefix in prefixes))


async def last_place(tx: Transaction) -> int:
    """The highest place given so far."""
    found = await tx.fetch(sa.select(stream_position.c.last))
    return found[0]["last"] if found else 0

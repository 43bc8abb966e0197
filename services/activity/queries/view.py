"""An event as a caller sees it: which are theirs to see, at which position, and what is shown of each."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self
from uuid import UUID

import asyncpg
import pydantic_core
import sqlalchemy as sa
from pydantic import BaseModel

from libs.kit.auth import Principal
from services.activity.model.activity_event import activity_events
from services.activity.model.types import given_out

_c = activity_events.c


class EventOut(BaseModel):
    """An event in the newest version of its type, and its position in the stream."""

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
    def position(self) -> sa.Column[int]:
        """The column that holds an event's position in this view of the stream."""
        return _c.seq if self.accounts is None else _c.account_seq

    @property
    def of_accounts(self) -> list[sa.ColumnElement[bool]]:
        """That an event is of one of these accounts."""
        return [] if self.accounts is None else [_c.account_id == sa.any_(values_of(_c.account_id, self.accounts))]

    @property
    def published(self) -> list[sa.ColumnElement[bool]]:
        """That an event is for this caller to see, where not all are."""
        return [_c.visibility == "public"] if self.public_only else []

    def out(self, record: asyncpg.Record) -> EventOut:
        """The event of a record, at its position in this view."""
        return event_out(record, record[self.position.name])


def event_out(record: asyncpg.Record, seq: int) -> EventOut:
    """A stored event at its position `seq`, in the newest version of its type: what a version has dropped is not given out."""
    type, data = given_out(record["type"], pydantic_core.from_json(record["data"]))
    return EventOut(
        seq=seq,
        id=record["event_id"],
        type=type,
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
        data=data,
    )


def values_of(column: sa.Column[Any], values: Collection[Any]) -> sa.Cast[Any]:
    """The values as an array of what the column holds."""
    return sa.cast(list(values), sa.ARRAY(column.type))

"""What comes and what goes out, as pydantic models, and the CloudEvents headers of both."""

import os
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel
from uuid_utils.compat import uuid7

TOPIC = os.environ["TOPIC"]


class Reading(BaseModel):
    device_id: UUID
    account_id: UUID
    number: int
    taken_at: datetime
    temperature: float
    note: str


class Followed(BaseModel):
    device_id: UUID
    account_id: UUID
    number: int
    taken_at: datetime
    temperature: float
    note: str


@dataclass(slots=True)
class Received:
    reading: Reading
    headers: dict[str, str]

    @property
    def event_id(self) -> UUID:
        return UUID(self.headers["ce_id"])


OUTBOX = (
    "topic", "key", "event_id", "type", "subject", "account_id", "version", "causation_id", "actor", "traceparent", "time", "data",
)  # fmt: skip


def outbox_row(group: str, came: Received, number: int, now: datetime) -> tuple[Any, ...]:
    """The outbox row of the fact that follows from this reading."""
    r, h = came.reading, came.headers
    fact = Followed(
        device_id=r.device_id, account_id=r.account_id, number=number, taken_at=r.taken_at, temperature=r.temperature, note=r.note
    )  # fmt: skip
    return (
        "benched.events", r.device_id, uuid7(), "polyplus.benched.device-followed.v1", r.device_id, r.account_id, number,
        came.event_id, f"system:{group}", h["ce_traceparent"], now, fact.model_dump_json().encode(),
    )  # fmt: skip


_pool: "asyncpg.Pool[asyncpg.Record] | None" = None


async def pool() -> "asyncpg.Pool[asyncpg.Record]":
    """asyncpg's pool on the service's database."""
    global _pool  # noqa: PLW0603 - a process has one
    if _pool is None:
        _pool = await asyncpg.create_pool(os.environ["DATABASE"], min_size=1, max_size=8, max_queries=10_000_000)
    return _pool

"""What only these tests keep: one entity with an account, one with a field of every type, and their events."""

from dataclasses import field
from datetime import date, datetime
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from libs.events import Event
from libs.store import Database, Entity, Scope, UpdatedAt

WORKER = Scope.system("test")
STAFF = Scope("staff", actor="engineer:1")


class Crate(Entity, table="crates", unique=("label",)):
    account_id: UUID
    label: str
    weight: int = 1
    updated_at: UpdatedAt = field(init=False)


class Tariff(Entity, table="tariffs", reference=True):
    price: int


class Colour(Enum):
    RED = "red"
    GREEN = "green"


class Maker(BaseModel):
    name: str
    since: date
    seen_at: list[datetime] = []


class Everything(Entity, table="everythings"):
    """A field of every type that an entity may have, and each once more where it may be missing."""

    other: UUID
    text: str
    colour: Colour
    kind: Literal["open", "closed"]
    whole: int
    yes: bool
    real: float
    at: datetime
    day: date
    raw: bytes
    maker: Maker
    makers: list[Maker]
    names: dict[str, list[int]]
    other_or_none: UUID | None = None
    text_or_none: str | None = None
    colour_or_none: Colour | None = None
    kind_or_none: Literal["open", "closed"] | None = None
    whole_or_none: int | None = None
    yes_or_none: bool | None = None
    real_or_none: float | None = None
    at_or_none: datetime | None = None
    day_or_none: date | None = None
    raw_or_none: bytes | None = None
    maker_or_none: Maker | None = None
    makers_or_none: list[Maker] | None = None
    empty: list[int] = field(default_factory=list)


class CrateFilled(Event, type="polyplus.crates.crate-filled", visibility="internal", subject="crate_id"):
    """Something was put into a crate."""

    crate_id: UUID
    what: str = "apples"


async def count(database: Database, table: str) -> int:
    return int(await value(database, f"SELECT count(*) FROM {table}"))


async def value(database: Database, sql: str, *args: object) -> Any:
    """Outside any unit of work: what is committed."""
    async with database.transaction(WORKER) as tx:
        return await tx.connection.fetchval(sql, *args)

"""An entity is a row: a dataclass whose annotations are the table's columns.

`class Rma(Entity, table="rmas", indexes=("case_id",), unique=("diagnosis_id",))` with fields `case_id: UUID`, `state: RmaState` …
gives the SQLAlchemy table `Rma.table` (columns under `Rma.c`) in the owning service's metadata and the fastest mapping we know
of between asyncpg's records and objects. UUID, str, enums, int, bool, float, datetime (aware), date and bytes have a column type
of their own; anything else is JSONB through pydantic. `Annotated[int, sa.DefaultClause("0")]` is a column that code which does not
know it may leave out. `updated_at: UpdatedAt = field(init=False)` is when the row was last changed: a transaction says it, nobody else.
"""

import functools
import operator
import re
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any, ClassVar, Literal, Protocol, Self, TypeVar, dataclass_transform
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from libs.events import State
from libs.store.errors import NotFound
from libs.store.flush import Stored
from libs.store.metadata import metadata, owner_of

E = TypeVar("E", bound="Entity")
UpdatedAt = typing.Annotated[datetime, sa.DefaultClause(sa.text("app_now()"))]
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_SCALARS: dict[type, tuple[Any, str]] = {
    UUID: (sa.Uuid(), "uuid"),
    str: (sa.Text(), "text"),
    int: (sa.BigInteger(), "bigint"),
    bool: (sa.Boolean(), "boolean"),
    float: (sa.Double(), "float8"),
    datetime: (TIMESTAMP(timezone=True), "timestamptz"),
    date: (sa.Date(), "date"),
    bytes: (sa.LargeBinary(), "bytea"),
}


def spoken(cls: type) -> str:
    """What people call it: a `WorkOrder` is a "work order"."""
    return _WORDS.sub(" ", cls.__name__).lower()


@dataclass(frozen=True)
class ColumnMap:
    """How one field travels: its PostgreSQL type, and how JSON and enums are read and written (None: as it is)."""

    name: str
    sql_type: str
    load: Callable[[Any], Any] | None
    dump: Callable[[Any], Any] | None


def _is_optional(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [h for h in typing.get_args(hint) if h is not type(None)]
        if len(rest) < len(typing.get_args(hint)):
            return (rest[0] if len(rest) == 1 else functools.reduce(operator.or_, rest)), True
    return hint, False


def _column(name: str, hint: Any) -> tuple[sa.Column[Any], ColumnMap]:
    hint, nullable = _is_optional(hint)
    more: list[Any] = []
    if typing.get_origin(hint) is typing.Annotated:
        hint, *notes = typing.get_args(hint)
        more = [note for note in notes if isinstance(note, sa.DefaultClause)]
    if typing.get_origin(hint) is Literal:
        hint = str
    nullable = nullable and name != "id"
    if isinstance(hint, type) and issubclass(hint, Enum):
        column = ColumnMap(name, "text", hint, lambda value: value.value)
        return sa.Column(name, sa.Text(), *more, nullable=nullable), column
    if hint in _SCALARS:
        sql_type, sql_name = _SCALARS[hint]
        return sa.Column(name, sql_type, *more, primary_key=name == "id", nullable=nullable), ColumnMap(
            name, sql_name, None, None
        )
    adapter: TypeAdapter[Any] = TypeAdapter(hint)
    column = ColumnMap(name, "jsonb", adapter.validate_json, lambda value: adapter.dump_json(value).decode())
    return sa.Column(name, JSONB(), *more, nullable=nullable), column


class Finder(Protocol):
    """A transaction, as far as an entity needs one."""

    async def find(self, cls: type[E], id: UUID, *, lock: bool = False) -> E | None: ...


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
@dataclass(kw_only=True, eq=False)
class Entity:
    """One row. `version` numbers the events emitted for it (gap-free), `revision` counts its stored changes (the ETag)."""

    id: UUID
    version: int = 0
    revision: int = 0

    tells: ClassVar[type[State] | None] = None
    """What is told of it on a state topic, whenever it is stored: no code can forget to."""
    table: ClassVar[sa.Table]
    is_reference: ClassVar[bool]
    """Whether its table seldom changes: see libs.store.reference."""
    is_dated: ClassVar[bool]
    """Whether its rows say when they were last changed."""
    c: ClassVar[Any]
    columns: ClassVar[tuple[ColumnMap, ...]]
    stored: ClassVar[Stored]

    def __init_subclass__(
        cls,
        *,
        table: str,
        indexes: Sequence[str | tuple[str, ...]] = (),
        unique: Sequence[str | tuple[str, ...]] = (),
        reference: bool = False,
    ) -> None:
        cls.is_reference = reference
        dataclass(kw_only=True, eq=False)(cls)
        hints = {
            name: hint
            for name, hint in typing.get_type_hints(cls, include_extras=True).items()
            if typing.get_origin(hint) is not ClassVar
        }
        pairs = [_column(name, hint) for name, hint in hints.items()]
        cls.columns = tuple(pair[1] for pair in pairs)
        cls.stored = Stored(table, tuple((c.name, c.sql_type) for c in cls.columns))
        cls._loaders = tuple((c.name, c.load) for c in cls.columns if c.load)
        cls.table = sa.Table(table, metadata(owner_of(cls.__module__)), *(pair[0] for pair in pairs))
        cls.c = cls.table.c
        cls.is_dated = "updated_at" in hints
        for index, is_unique in [*((n, False) for n in indexes), *((n, True) for n in unique)]:
            names = (index,) if isinstance(index, str) else index
            sa.Index(
                f"{table}_{'_'.join(names)}_{'key' if is_unique else 'idx'}",
                *(cls.c[n] for n in names),
                unique=is_unique,
            )
        selected = ", ".join(f'"{column.name}"' for column in cls.columns)
        cls.select_sql = f'SELECT {selected} FROM "{table}" WHERE "id" = ANY($1)'
        cls.lock_sql = f"{cls.select_sql} ORDER BY id FOR UPDATE"

    _loaders: ClassVar[tuple[tuple[str, Callable[[Any], Any]], ...]]
    select_sql: ClassVar[str]
    lock_sql: ClassVar[str]

    @classmethod
    def from_record(cls, record: Iterable[tuple[str, Any]]) -> Self:
        """The entity that an asyncpg record (or its items) holds; columns missing from it are left unset."""
        entity = cls.__new__(cls)
        values = entity.__dict__
        values.update(record)
        for name, load in cls._loaders:
            raw = values[name]
            if raw is not None:
                values[name] = load(raw)
        return entity

    def to_row(self) -> tuple[Any, ...]:
        """The values as asyncpg takes them, in the order of `columns`."""
        values = self.__dict__
        return tuple(
            values[c.name] if c.dump is None or values[c.name] is None else c.dump(values[c.name]) for c in self.columns
        )

    def as_state(self) -> State | None:
        """What `tells` says of it; None: it is gone."""
        raise NotImplementedError

    @property
    def record_version(self) -> int:
        """Of its record on the state topic, once this revision is stored: what a fact names, so that a reader knows it has come."""
        return self.revision + 1

    def date(self, now: datetime) -> None:
        """It is changed, or made, at this time."""
        if self.is_dated:
            self.__dict__["updated_at"] = now

    @classmethod
    async def get(cls, id: UUID, tx: Finder, *, lock: bool = False) -> Self:
        """The row with this id, locked for change when asked. Raises NotFound."""
        entity = await tx.find(cls, id, lock=lock)
        if entity is None:
            raise NotFound(spoken(cls), id)
        return entity

    @classmethod
    async def find(cls, id: UUID, tx: Finder, *, lock: bool = False) -> Self | None:
        """The row with this id, or None."""
        return await tx.find(cls, id, lock=lock)

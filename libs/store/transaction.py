"""The unit of work that a use case gets: an identity map, changes in memory, `emit()`, the clock, one flush."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa

from libs.events import Event, State
from libs.store.compiled import Compiled, compile_once
from libs.store.context import Cause, Remembered, Scope
from libs.store.entity import Entity, spoken
from libs.store.errors import EmitRefused, StaleRevision
from libs.store.flush import Row, Statement
from libs.store.ids import new_id
from libs.store.outbox import OutboxRow, row_for
from libs.store.pending import Job, Pending, Timer

E = TypeVar("E", bound=Entity)


@dataclass
class Transaction:
    """One database transaction. Reads see the database; changes are kept in memory until the flush at commit.

    An entity that is changed must be new (`add`) or have been loaded with `lock=True`: locks first, so that the
    outbox's order is commit order for each aggregate.
    """

    connection: "asyncpg.Connection[asyncpg.Record]"
    scope: Scope
    now: datetime
    """`app_now()` at the beginning: the clock."""
    traceparent: str | None = None
    cause: Cause | None = None
    rebuilding: str | None = None
    """The table that is read anew from the log: nothing else is written, and nobody is told."""
    started: Mapping[str, Any] | asyncpg.Record = field(default_factory=dict)
    """The row of its first statement."""
    reference: int = 0
    """The revision of the reference data at the beginning."""
    remembered: Remembered = field(default_factory=dict)
    """What `Reference` keeps, shared by the transactions of a database."""
    changed_reference: bool = False
    """Whether it has changed reference data itself: then it remembers nothing."""
    _expected: tuple[UUID, int] | None = None
    _entities: dict[tuple[type[Entity], UUID], Entity | None] = field(default_factory=dict)
    _kinds: set[type[Entity]] = field(default_factory=set)
    """Those among `_entities`, which can be many thousand."""
    _loaded: dict[tuple[type[Entity], UUID], tuple[Any, ...]] = field(default_factory=dict)
    _locked: set[tuple[type[Entity], UUID]] = field(default_factory=set)
    _new: set[tuple[type[Entity], UUID]] = field(default_factory=set)
    _removed: dict[type[Entity], list[UUID]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pending = Pending(self.now, self.rebuilding)

    def expect(self, id: UUID, revision: int) -> None:
        """If-Match: reading the entity with this id raises StaleRevision unless it is at this revision."""
        self._expected = (id, revision)

    def caused_by(self, cause: Cause) -> None:
        """What is done from now on is done for this event, in its trace."""
        self.cause, self.traceparent = cause, cause.traceparent

    def goes_on_from(self, traceparent: str | None) -> str | None:
        """What is told from now on is told in this trace; where it was before."""
        before, self.traceparent = self.traceparent, traceparent
        return before

    def note_changed_reference(self) -> None:
        """Reference data was changed by SQL of the caller's own."""
        self.changed_reference = True

    # --- reading -------------------------------------------------------------------------------------------------

    async def find(self, cls: type[E], id: UUID, *, lock: bool = False) -> E | None:
        """The row with this id, or None. With `lock`, nobody else changes it until this transaction ends."""
        key = (cls, id)
        if key in (self._locked if lock else self._entities):
            return self._entities[key]  # type: ignore[return-value]
        return (await self.find_many(cls, (id,), lock=lock))[0]

    async def find_many(self, cls: type[E], ids: Sequence[UUID], *, lock: bool = False) -> list[E | None]:
        """The rows with these ids in the order asked, None where there is none; locked in id order, in one query."""
        known = self._locked if lock else self._entities
        wanted = [id for id in dict.fromkeys(ids) if (cls, id) not in known]
        if wanted:
            found = await self.connection.fetch(cls.lock_sql if lock else cls.select_sql, wanted)
            removed, missing = self._removed.get(cls, ()), set(wanted)
            for record in found:
                if record["id"] not in removed:
                    self._keep(cls, record, lock)
                    missing.discard(record["id"])
            for key in ((cls, id) for id in missing):
                if key not in self._new:  # it may have been read before and be gone now
                    self._entities[key] = None
            if lock:
                self._locked.update((cls, id) for id in wanted)
        return [self._entities[cls, id] for id in ids]  # type: ignore[misc]

    async def lock_available(self, cls: type[E], ids: Sequence[UUID]) -> list[E]:
        """Those of the rows that nobody else has locked, locked now, in id order."""
        records = await self.connection.fetch(f"{cls.lock_sql} SKIP LOCKED", ids)
        return [self._keep(cls, record, lock=True) for record in records]

    async def select(
        self,
        cls: type[E],
        *where: sa.ColumnElement[bool],
        order_by: Iterable[Any] = (),
        limit: int | None = None,
        lock: bool = False,
    ) -> list[E]:
        """The rows that match, as the database has them (call `flush()` first to see this transaction's own changes)."""
        query = sa.select(cls.table).where(*where).order_by(*order_by or (cls.c.id,)).limit(limit)
        records = await self.fetch(query.with_for_update() if lock else query)
        return [self._keep(cls, record, lock) for record in records]

    async def first(self, cls: type[E], *where: sa.ColumnElement[bool], lock: bool = False) -> E | None:
        """The first row that matches, or None."""
        found = await self.select(cls, *where, limit=1, lock=lock)
        return found[0] if found else None

    async def read_only(self, cls: type[E], query: Compiled, **values: Any) -> list[E]:
        """The rows that a query of all columns of `cls` finds, to be looked at only: nothing done to them is ever written."""
        return [cls.from_record(record.items()) for record in await self.fetch(query, **values)]

    async def fetch(self, query: sa.Executable | Compiled, **values: Any) -> list[asyncpg.Record]:
        """The records of any SQLAlchemy Core statement; `values` are those that a compiled one leaves to be given."""
        if isinstance(query, Compiled):
            return await self.connection.fetch(query.sql, *query.arguments(values))
        sql, arguments = compile_once(query)
        return await self.connection.fetch(sql, *arguments)

    async def next_number(self, prefix: str) -> str:
        """The next `CASE-2026-000123`. The sequence `<prefix>_numbers` is the service's own."""
        ((value,),) = await self.fetch(sa.select(next_value(prefix)))
        return self.numbered(prefix, value)

    def numbered(self, prefix: str, value: int) -> str:
        """The number that a `next_value(prefix)` stands for."""
        return f"{prefix}-{self.now.year}-{value:06d}"

    def _keep(self, cls: type[E], record: asyncpg.Record, lock: bool) -> E:
        key = (cls, record["id"])
        present = self._entities.get(key)
        if present is not None and (not lock or key in self._locked or key in self._new):
            return present  # type: ignore[return-value]
        entity = cls.from_record(record.items())
        if present is not None:  # read before it was locked: the object the caller holds takes the locked values
            if self._loaded[key] != present.to_row():
                raise _unlocked(key)
            present.__dict__.update(entity.__dict__)
            entity = present  # type: ignore[assignment]
        self._entities[key] = entity
        self._kinds.add(cls)
        self._loaded[key] = entity.to_row()
        if lock:
            self._locked.add(key)
        if self._expected and entity.id == self._expected[0] and entity.revision != self._expected[1]:
            raise StaleRevision(spoken(cls), entity.id, entity.revision)
        return entity

    # --- changing ------------------------------------------------------------------------------------------------

    def add(self, entity: E) -> E:
        """A new row, inserted at the flush."""
        entity.date(self.now)
        key = (type(entity), entity.id)
        self._entities[key] = entity
        self._kinds.add(type(entity))
        self._new.add(key)
        return entity

    async def claim(self, entities: Sequence[E]) -> list[E]:
        """Inserts, now and in the order of ids, those whose id nobody has: these, locked. Waits for whoever is just taking one."""
        if not entities:
            return []
        cls = type(entities[0])
        self.pending.refuse_in_rebuild(cls.__name__)
        self.changed_reference |= cls.is_reference
        wanted = {entity.id: entity for entity in sorted(entities, key=lambda each: each.id)}
        for entity in entities:
            entity.date(self.now)
        rows = [entity.to_row() for entity in wanted.values()]
        statement = Statement.insert(*cls.stored, rows, " ON CONFLICT (id) DO NOTHING RETURNING id")
        free = {record["id"] for record in await self.connection.fetch(*statement.alone())}
        for entity, row in zip(wanted.values(), rows, strict=True):
            if entity.id in free:
                key = (cls, entity.id)
                self._entities[key], self._loaded[key] = entity, row
                self._kinds.add(cls)
                self._locked.add(key)
        return [entity for id, entity in wanted.items() if id in free]

    def remove(self, entity: Entity) -> None:
        """Deletes the row at the flush."""
        key = (type(entity), entity.id)
        self._entities[key] = None
        self._loaded.pop(key, None)
        if key in self._new:
            self._new.discard(key)
        else:
            self._removed.setdefault(type(entity), []).append(entity.id)

    def emit(self, event: Event) -> UUID:
        """Publishes the fact when this transaction commits, and gives its event id.

        Its aggregate must be here, new or locked. Raises EmitRefused otherwise, for data over 200 KiB, and in a rebuild.
        """
        self.pending.refuse_in_rebuild(event.contract.name)
        aggregate = self._aggregate(event)
        row = row_for(
            event,
            version=aggregate.version + 1,
            account_id=getattr(event, "account_id", None) or getattr(aggregate, "account_id", None),
            causation_id=self.cause.event_id if self.cause else None,
            actor=self.scope.actor,
            traceparent=self.traceparent,
            time=self.now,
        )
        aggregate.version += 1
        self.pending.publish(row)
        return row.event_id

    def publish_state(
        self, kind: type[State], record: State | None, *, key: UUID, account_id: UUID | None, version: int | None = None
    ) -> None:
        """How `key` is now, None when it is gone, on its state topic. `version`: higher than that of whatever was told before;
        left out, it is the next. What is told again before the relay has sent it is sent once, as it is then."""
        topic, ce_type = kind.contract.topic, kind.contract.ce_type
        self.publish(
            OutboxRow(
                topic=topic,
                key=key,
                event_id=new_id(),
                type=ce_type,
                subject=key,
                account_id=account_id,
                version=version or 1,
                causation_id=self.cause.event_id if self.cause else None,
                actor=self.scope.actor,
                traceparent=self.traceparent,
                time=self.now,
                headers=None,
                data=None,
            )
        )
        data = record.__pydantic_serializer__.to_json(record) if record else None
        state = (topic, key, ce_type, account_id, version or 1, data)
        self.pending.states[topic, key] = state, version is not None

    def publish(self, row: OutboxRow) -> None:
        """A record as it is."""
        self.pending.publish(row)

    def _aggregate(self, event: Event) -> Entity:
        id, here = event.subject, list[Entity]()
        for key in ((cls, id) for cls in self._kinds):
            entity = self._entities.get(key)
            if entity is not None and (key in self._locked or key in self._new):
                here.append(entity)
        if len(here) != 1:
            raise EmitRefused(
                f"{event.contract.name}: its aggregate {id} must be one locked or new entity here; found {len(here)}."
            )
        return here[0]

    def _by_id(self, id: UUID) -> list[tuple[tuple[type[Entity], UUID], Entity | None]]:
        return [((cls, id), self._entities.get((cls, id))) for cls in self._kinds]

    # --- timers and jobs -----------------------------------------------------------------------------------------

    def set_timer(self, aggregate: Entity, kind: str, due_at: datetime) -> None:
        """Fires `kind` for this locked aggregate once `app_now()` has reached `due_at`; replaces an earlier one of this kind."""
        self.pending.set_timer(Timer(type(aggregate).__name__, aggregate.id, kind, due_at))

    def cancel_timer(self, aggregate: Entity, kind: str) -> None:
        """The timer of this kind never fires after the commit."""
        self.pending.set_timer(Timer(type(aggregate).__name__, aggregate.id, kind, None))

    def start_job(
        self,
        aggregate: Entity,
        kind: str,
        payload: dict[str, Any] | None = None,
        *,
        destination: str,
        reference: str | None = None,
    ) -> str:
        """A durable call to the outside, made after the commit under our own `reference`, which is returned.

        `destination` names who is called (a carrier, one partner): a slow one delays its own jobs alone.
        """
        job = Job(
            new_id(),
            type(aggregate).__name__,
            aggregate.id,
            kind,
            destination,
            reference or str(new_id()),
            payload or {},
            self.traceparent,
        )
        self.pending.start_job(job)
        return job.reference

    # --- the flush -----------------------------------------------------------------------------------------------

    def write_with(self, statement: Statement) -> None:
        """The runtime's own rows (inbox, offsets, idempotency), flushed with the rest."""
        self.pending.write_with(statement)

    async def flush(self) -> None:
        """Writes all that is pending as one statement with one part per table; commits nothing."""
        inserts: dict[type[Entity], list[Row]] = {}
        updates: dict[type[Entity], list[Row]] = {}
        for key, entity in self._entities.items():
            if entity is None:
                continue
            row = entity.to_row()
            if key in self._new:
                inserts.setdefault(key[0], []).append(row)
            elif self._loaded[key] != row:
                if key not in self._locked:
                    raise _unlocked(key)
                entity.revision += 1
                entity.date(self.now)
                row = entity.to_row()
                updates.setdefault(key[0], []).append(row)
            else:
                continue
            self._loaded[key] = row
            if entity.tells:
                self.publish_state(
                    entity.tells,
                    entity.as_state(),
                    key=entity.id,
                    account_id=getattr(entity, "account_id", None),
                    version=entity.record_version,
                )
        for cls in {*inserts, *updates, *self._removed}:
            self.changed_reference |= cls.is_reference
            if cls.table.name != self.rebuilding:
                self.pending.refuse_in_rebuild(cls.__name__)
        await self.pending.flush(
            self.connection,
            [(cls.stored, rows) for cls, rows in inserts.items()],
            [(cls.stored, rows) for cls, rows in updates.items()],
            [(cls.stored, ids) for cls, ids in self._removed.items()],
        )
        self._locked |= self._new
        self._new.clear()
        self._removed.clear()

    def revision_of(self, id: UUID) -> int | None:
        """The revision that the entity with this id has once flushed; None when it was not read or is no more."""
        return self.as_flushed(id).get("revision")

    def as_flushed(self, id: UUID) -> dict[str, Any]:
        """What a flush would make of its `revision` and `updated_at`, which it may not have; nothing for one that is not here."""
        for key, entity in self._by_id(id):
            if entity is not None:
                changed = key not in self._new and self._loaded[key] != entity.to_row()
                said = {"updated_at": self.now if changed else getattr(entity, "updated_at", None)}
                return {"revision": entity.revision + changed, **(said if entity.is_dated else {})}
        return {}


def next_value(prefix: str) -> sa.ColumnElement[int]:
    """For a query that has more to ask: the next value of the sequence of `next_number(prefix)`."""
    return sa.Sequence(f"{prefix.lower()}_numbers").next_value()


def _unlocked(key: tuple[type[Entity], UUID]) -> RuntimeError:
    return RuntimeError(f"{key[0].__name__} {key[1]} was changed without a lock")

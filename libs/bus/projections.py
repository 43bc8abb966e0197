"""A projection is a table that says again what others have told: a case file, a replica. The log can always tell it anew.

`Projection(CaseFile)` is filled by the handlers that load `CaseFile`. What a handler does beyond noting the fact (`settle`) begins
with `if tx.rebuilding: return`; whatever forgets it is refused by the transaction. Columns that are the service's own word, and parts of
columns, are named, since no log of others tells them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol
from uuid import UUID

from libs.bus.handlers import Handlers
from libs.store import Database, Entity, Transaction

SHADOW = "rebuild"
"""The schema of the shadow tables; their transactions find it before `public`."""

_DIFFERENT = """
SELECT id, p.id IS NULL AS missing, s.id IS NULL AS unknown, p.version,
       array_remove(ARRAY[{columns}]::text[], NULL) AS columns
  FROM public."{table}" AS p FULL JOIN {shadow}."{table}" AS s USING (id)
 WHERE p.id IS NULL OR s.id IS NULL OR {different} ORDER BY id
"""
_LOCK = 'SELECT id, {columns} FROM public."{table}" WHERE id = ANY($1) ORDER BY id FOR UPDATE'
_CHANGE = 'UPDATE public."{table}" AS p SET revision = p.revision + 1, {sets} FROM {shadow}."{table}" AS s WHERE s.id = p.id AND p.id = ANY($1)'
_ADD = 'INSERT INTO public."{table}" ({all}) SELECT {all} FROM {shadow}."{table}" WHERE id = ANY($1)'
_REMOVE = 'DELETE FROM public."{table}" WHERE id = ANY($1)'
_PAGE = 500


@dataclass(frozen=True)
class Difference:
    """A row that is not what the log says. `left` says why it stays as it is."""

    id: UUID
    what: Literal["changed", "missing", "unknown to the log"]
    columns: tuple[str, ...] = ()
    left: str | None = None


class Rebuildable(Protocol):
    """What a rebuild needs to know of a projection."""

    @property
    def name(self) -> str: ...
    @property
    def tables(self) -> Sequence[str]:
        """Those that get a shadow."""

    def handlers(self, on: Handlers) -> Handlers:
        """What fills them."""

    async def mend(self, tx: Transaction, shadow: Database) -> list[Difference]:
        """Makes the tables say what their shadows say; what differed. Consumption waits meanwhile, commands do not."""


@dataclass(frozen=True)
class Projection:
    """`own`: columns that are the service's word. `keep`: columns that hold some of it; from what is told and what stood there
    the function makes what shall stand there.

    `emits`: the rows are aggregates as well. One that is lost then stays lost, since nothing here tells the number of its next
    event; and one that has emitted is not removed.
    """

    cls: type[Entity]
    own: Sequence[str] = ()
    keep: Mapping[str, Callable[[Any, Any], Any]] = field(default_factory=dict)
    emits: bool = False

    @property
    def name(self) -> str:
        return self.cls.table.name

    @property
    def tables(self) -> Sequence[str]:
        return (self.name,)

    def handlers(self, on: Handlers) -> Handlers:
        return on.loading(self.cls)

    async def mend(self, tx: Transaction, shadow: Database) -> list[Difference]:
        found = await self._differences(tx)
        unreadable: set[UUID] = set()
        if self.keep:
            changed = [each.id for each in found if each.what == "changed"]
            for at in range(0, len(changed), _PAGE):
                unreadable |= await self._keep_own(changed[at : at + _PAGE], tx, shadow)
            still = await self._differences(tx)
            found = [each for each in still if each.id in {one.id for one in found}]  # what came later is a command's
        found = [
            replace(each, left="what is the service's own in it cannot be read") if each.id in unreadable else each
            for each in found
        ]
        await self._write(found, tx)
        return found

    async def _differences(self, tx: Transaction) -> list[Difference]:
        told = [f'"{name}"' for name in self._told]
        sql = self._sql(
            _DIFFERENT,
            columns=", ".join(f"CASE WHEN p.{c} IS DISTINCT FROM s.{c} THEN '{c[1:-1]}' END" for c in told),
            different=f"({', '.join(f'p.{c}' for c in told)}) IS DISTINCT FROM ({', '.join(f's.{c}' for c in told)})",
        )
        found = (self._difference(record) for record in await tx.connection.fetch(sql))
        return [each for each in found if each]

    def _difference(self, record: Any) -> Difference | None:
        if record["missing"]:
            return Difference(
                record["id"], "missing", left="the number of its next event is lost" if self.emits else None
            )
        if record["unknown"]:
            emitted = self.emits and record["version"] > 0
            return Difference(record["id"], "unknown to the log", left="it has emitted events" if emitted else None)
        return Difference(record["id"], "changed", tuple(record["columns"]))

    async def _keep_own(self, ids: Sequence[UUID], tx: Transaction, shadow: Database) -> set[UUID]:
        """Puts the service's own word into the shadow's rows; the ids of those where it cannot be read."""
        kept = [column for column in self.cls.columns if column.name in self.keep]
        columns = ", ".join(f'"{column.name}"' for column in kept)
        records = await tx.connection.fetch(self._sql(_LOCK, columns=columns), ids)
        unreadable = set()
        async with shadow.transaction(tx.scope, rebuilding=self.name) as shadowed:
            told = dict(zip(ids, await shadowed.find_many(self.cls, ids, lock=True), strict=True))
            for record in records:
                for column in kept:
                    try:
                        live = column.load(record[column.name]) if column.load else record[column.name]
                    except ValueError:
                        unreadable.add(record["id"])
                    else:
                        entity = told[record["id"]]
                        setattr(entity, column.name, self.keep[column.name](getattr(entity, column.name), live))
        return unreadable

    async def _write(self, found: Sequence[Difference], tx: Transaction) -> None:
        sets = ", ".join(f'"{name}" = s."{name}"' for name in self._told)
        every = ", ".join(f'"{column.name}"' for column in self.cls.columns)
        for what, sql in (
            ("unknown to the log", self._sql(_REMOVE)),
            ("changed", self._sql(_CHANGE, sets=sets)),
            ("missing", self._sql(_ADD, all=every)),
        ):
            if ids := [each.id for each in found if each.what == what and not each.left]:
                await tx.connection.execute(sql, ids)

    @property
    def _told(self) -> list[str]:
        untold = {"id", "version", "revision", *self.own}
        return [column.name for column in self.cls.columns if column.name not in untold]

    def _sql(self, template: str, **parts: str) -> str:
        return template.format(table=self.name, shadow=SHADOW, **parts)

"""Whatever a transaction does in whatever order, it behaves like a dict that is kept or thrown away."""

from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.store import Database, Transaction
from libs.store.tests.goods import WORKER, Crate, CrateFilled

IDS = [UUID(int=n) for n in range(1, 4)]
Row = tuple[int, int, int, datetime]  # weight, revision, version, updated_at

steps = st.tuples(
    st.sampled_from(
        ["add", "change", "change", "fill", "remove", "renew", "find", "lock", "find all", "flush", "select"]
    ),
    st.sampled_from(IDS),
    st.integers(0, 2),
)
transactions = st.lists(st.tuples(st.lists(steps, max_size=10), st.sampled_from([True, True, False])), max_size=5)


class ThrownAwayError(Exception):
    """Ends a transaction that is not to be kept."""


@dataclass
class Model:
    """What the crates hold; `flushed` is what a change is told by."""

    rows: dict[UUID, Row] = field(default_factory=dict)
    flushed: dict[UUID, Row] = field(default_factory=dict)
    new: set[UUID] = field(default_factory=set)
    events: list[tuple[UUID, int]] = field(default_factory=list)

    def flush(self, now: datetime) -> None:
        for id, row in self.rows.items():
            if id not in self.new and self.flushed[id] != row:
                weight, revision, version, _ = row
                self.rows[id] = (weight, revision + 1, version, now)
        self.flushed, self.new = dict(self.rows), set()

    def put(self, id: UUID, *, weight: int | None = None, filled: bool = False) -> None:
        old, revision, version, updated_at = self.rows[id]
        self.rows[id] = (old if weight is None else weight, revision, version + filled, updated_at)
        if filled:
            self.events.append((id, version + 1))


def row_of(crate: Crate | None) -> Row | None:
    return (crate.weight, crate.revision, crate.version, crate.updated_at) if crate else None


async def act(tx: Transaction, model: Model, what: str, id: UUID, number: int) -> None:
    """One step in the transaction and in the model; both must show the same."""
    match what:
        case "add":
            if await Crate.find(id, tx, lock=True) is None:
                tx.add(Crate(id=id, account_id=id, label=str(id), weight=number))
                model.rows[id] = (number, 0, 0, tx.now)
                model.new.add(id)
        case "change" | "fill" | "remove" | "renew":
            crate = await Crate.find(id, tx, lock=True)
            assert (crate is None) == (id not in model.rows)
            if crate is None:
                return
            if what == "change":
                crate.weight = number
                model.put(id, weight=number)
            elif what == "fill":
                tx.emit(CrateFilled(crate_id=id))
                model.put(id, filled=True)
            else:
                tx.remove(crate)
                del model.rows[id]
                model.new.discard(id)
                if what == "renew":
                    await act(tx, model, "add", id, number)
        case "find" | "lock":
            assert row_of(await Crate.find(id, tx, lock=what == "lock")) == model.rows.get(id)
        case "find all":
            assert [row_of(found) for found in await tx.find_many(Crate, IDS)] == [model.rows.get(id) for id in IDS]
        case "flush" | "select":
            await tx.flush()
            model.flush(tx.now)
            if what == "select":
                assert {c.id: row_of(c) for c in await tx.select(Crate, Crate.c.weight >= number)} == {
                    id: row for id, row in model.rows.items() if row[0] >= number
                }
    expected = model.rows.get(id)
    if expected and tx.revision_of(id) is not None:
        changed = id not in model.new and expected != model.flushed[id]
        updated_at = tx.now if changed else expected[3]
        assert tx.as_flushed(id) == {"revision": expected[1] + changed, "updated_at": updated_at}


async def live(database: Database, model: Model, done: list[tuple[str, UUID, int]], *, keep: bool) -> None:
    async with database.transaction(WORKER) as tx:
        for what, id, number in done:
            await act(tx, model, what, id, number)
        if not keep:
            raise ThrownAwayError
    model.flush(tx.now)


@given(lived=transactions)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_sequence_of_steps_leaves_what_a_dict_would_hold(
    database: Database, lived: list[tuple[list[tuple[str, UUID, int]], bool]]
) -> None:
    async with database.transaction(WORKER) as tx:
        await tx.connection.execute("DELETE FROM crates")
        await tx.connection.execute("DELETE FROM outbox")
    model = Model()
    for done, keep in lived:
        trying = deepcopy(model)
        try:
            await live(database, trying, done, keep=keep)
            model = trying
        except ThrownAwayError:
            assert not keep
        async with database.transaction(WORKER) as tx:
            assert {crate.id: row_of(crate) for crate in await tx.select(Crate)} == model.rows
            emitted = await tx.connection.fetch("SELECT subject, version FROM outbox ORDER BY id")
            assert [(row["subject"], row["version"]) for row in emitted] == model.events

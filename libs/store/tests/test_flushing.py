"""What a transaction writes: all of it or nothing, numbered without a gap."""

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from libs.events import State
from libs.store import Database, EmitRefused, Transaction
from libs.store.flush import Statement
from libs.store.ids import new_id
from libs.store.outbox import MAX_EVENT_BYTES
from libs.store.pending import SOON
from libs.store.tests.goods import WORKER, Crate, CrateFilled, count, value

TABLES = ("crates", "outbox", "timers", "jobs")


def a_crate(tx: Transaction, label: str = "a") -> Crate:
    return tx.add(Crate(id=new_id(), account_id=uuid4(), label=label))


async def written(database: Database) -> list[int]:
    return [await count(database, table) for table in TABLES]


def do_all(tx: Transaction, crate: Crate) -> None:
    tx.emit(CrateFilled(crate_id=crate.id))
    tx.set_timer(crate, "look", tx.now + timedelta(hours=1))
    tx.start_job(crate, "weigh", destination="scales")


class Unwritable(State, type="x\0", topic="crates.states", key="id"):
    """PostgreSQL takes no NUL in a text."""


async def versions(database: Database, id: UUID) -> list[int]:
    async with database.transaction(WORKER) as tx:
        rows = await tx.connection.fetch("SELECT version FROM outbox WHERE subject = $1 ORDER BY id", id)
        return [row["version"] for row in rows]


async def test_state_event_timer_and_call_to_the_outside_are_written_by_one_statement(database: Database) -> None:
    said: list[str] = []
    async with database.transaction(WORKER) as tx:
        do_all(tx, a_crate(tx))
        with tx.connection.query_logger(lambda query: said.append(query.query)):
            await tx.flush()
            await tx.flush()
        assert tx.pending.left == {"events", "jobs"}
    assert [sql[:4] for sql in said if '"crates"' in sql or "outbox" in sql or "jobs" in sql] == ["WITH"]
    assert await written(database) == [1, 1, 1, 1]


@pytest.mark.parametrize("part", ["state", "outbox", "jobs", "the runtime's own rows"])
async def test_a_flush_that_fails_in_one_part_writes_none(database: Database, part: str) -> None:
    async with database.transaction(WORKER) as tx:
        a_crate(tx, "taken")

    async def fail() -> None:
        async with database.transaction(WORKER) as tx:
            crate = a_crate(tx, "taken" if part == "state" else "free")
            do_all(tx, crate)
            if part == "outbox":
                tx.publish_state(Unwritable, None, key=crate.id, account_id=None)
            if part == "jobs":
                tx.start_job(crate, "weigh\0", destination="scales")
            if part == "the runtime's own rows":
                tx.write_with(Statement("INSERT INTO inbox (consumer, event_id) VALUES ('a', NULL)", ()))

    with pytest.raises(asyncpg.PostgresError):
        await fail()
    assert await written(database) == [1, 0, 0, 0]


async def test_an_exception_after_a_flush_takes_back_what_it_wrote(database: Database) -> None:
    woken: list[str] = []

    async def fail() -> None:
        async with database.transaction(WORKER) as tx:
            do_all(tx, a_crate(tx))
            await tx.flush()
            raise ZeroDivisionError

    with database.waking(woken.append, "events", "timers", "jobs"):
        with pytest.raises(ZeroDivisionError):
            await fail()
        assert await written(database) == [0, 0, 0, 0]
        assert woken == []
        async with database.transaction(WORKER) as tx:
            do_all(tx, a_crate(tx))
    assert sorted(woken) == ["events", "jobs"]


async def test_a_timer_wakes_who_fires_them_only_if_it_is_due_before_the_next_look(database: Database) -> None:
    woken: list[str] = []
    with database.waking(woken.append, "events", "timers", "jobs"):
        async with database.transaction(WORKER) as tx:
            crate = a_crate(tx)
            tx.set_timer(crate, "throw away", tx.now + SOON)
        assert woken == []
        async with database.transaction(WORKER) as tx:
            tx.set_timer(await Crate.get(crate.id, tx, lock=True), "look", tx.now + timedelta(seconds=1))
        assert woken == ["timers"]
        async with database.transaction(WORKER) as tx:
            tx.cancel_timer(await Crate.get(crate.id, tx, lock=True), "look")
        assert woken == ["timers"]


async def test_a_change_without_a_lock_raises_and_nothing_is_written(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        made = a_crate(tx)

    async def change() -> None:
        async with database.transaction(WORKER) as tx:
            a_crate(tx, "another")
            (await Crate.get(made.id, tx)).weight = 9

    with pytest.raises(RuntimeError, match=f"Crate {made.id} was changed without a lock"):
        await change()
    assert await value(database, "SELECT array_agg(weight) FROM crates") == [1]


async def test_a_change_made_before_the_lock_raises_rather_than_being_lost(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        made = a_crate(tx)
    async with database.transaction(WORKER) as tx:
        crate = await Crate.get(made.id, tx)
        crate.weight = 9
        with pytest.raises(RuntimeError, match=f"Crate {made.id} was changed without a lock"):
            await Crate.get(made.id, tx, lock=True)
        crate.weight = 1
    assert await value(database, "SELECT weight FROM crates") == 1


async def test_the_revision_counts_stored_changes_and_the_version_counts_events(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        crate = a_crate(tx)
        tx.emit(CrateFilled(crate_id=crate.id))
        assert tx.revision_of(crate.id) == 0
        await tx.flush()
        assert (crate.revision, crate.version) == (0, 1)
        crate.weight = 2
        tx.emit(CrateFilled(crate_id=crate.id))
        tx.emit(CrateFilled(crate_id=crate.id))
        assert tx.revision_of(crate.id) == 1
    assert (crate.revision, crate.version) == (1, 3)
    async with database.transaction(WORKER) as tx:
        crate = await Crate.get(crate.id, tx, lock=True)
        crate.weight = 3
        crate.weight = 2
        assert tx.revision_of(crate.id) == 1, "what is as it was is no change"
    async with database.transaction(WORKER) as tx:
        crate = await Crate.get(crate.id, tx, lock=True)
        tx.emit(CrateFilled(crate_id=crate.id))
    assert (crate.revision, crate.version) == (2, 4)
    assert await value(database, "SELECT ARRAY[revision, version] FROM crates") == [2, 4]
    assert await versions(database, crate.id) == [1, 2, 3, 4]


async def test_an_event_rolled_back_leaves_no_gap_in_the_versions(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        made = a_crate(tx)
        tx.emit(CrateFilled(crate_id=made.id))

    async def fail() -> None:
        async with database.transaction(WORKER) as tx:
            await Crate.get(made.id, tx, lock=True)
            tx.emit(CrateFilled(crate_id=made.id))
            await tx.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.transaction(WORKER) as tx:
        await Crate.get(made.id, tx, lock=True)
        tx.emit(CrateFilled(crate_id=made.id))
    assert await versions(database, made.id) == [1, 2]


async def test_an_event_over_200_kib_is_refused_and_uses_up_no_version(database: Database) -> None:
    around = len(CrateFilled(crate_id=new_id(), what="").model_dump_json())
    async with database.transaction(WORKER) as tx:
        crate = a_crate(tx)
        tx.emit(CrateFilled(crate_id=crate.id, what="x" * (MAX_EVENT_BYTES - around)))
        with pytest.raises(EmitRefused, match=str(MAX_EVENT_BYTES)):
            tx.emit(CrateFilled(crate_id=crate.id, what="x" * (MAX_EVENT_BYTES - around + 1)))
        tx.emit(CrateFilled(crate_id=crate.id))
    assert MAX_EVENT_BYTES == 200 * 1024
    assert await versions(database, crate.id) == [1, 2]


async def test_nothing_is_emitted_for_what_is_not_locked_here(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        made = a_crate(tx)
    async with database.transaction(WORKER) as tx:
        event = CrateFilled(crate_id=made.id)
        with pytest.raises(EmitRefused, match="locked or new"):
            tx.emit(event)
        await Crate.get(made.id, tx)
        with pytest.raises(EmitRefused, match="locked or new"):
            tx.emit(event)
        await Crate.get(made.id, tx, lock=True)
    assert await count(database, "outbox") == 0


async def test_a_rebuild_tells_nobody_and_writes_no_other_table(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        made = a_crate(tx)
    async with database.transaction(WORKER, rebuilding="crates") as tx:
        crate = await Crate.get(made.id, tx, lock=True)
        for tell in (
            lambda: tx.emit(CrateFilled(crate_id=made.id)),
            lambda: tx.publish_state(Unwritable, None, key=made.id, account_id=None),
            lambda: tx.set_timer(crate, "look", tx.now),
            lambda: tx.cancel_timer(crate, "look"),
            lambda: tx.start_job(crate, "call", destination="there"),
        ):
            with pytest.raises(EmitRefused, match="a rebuild of crates"):
                tell()
        crate.weight = 9
    assert await value(database, "SELECT weight FROM crates") == 9

    async def another_table() -> None:
        async with database.transaction(WORKER, rebuilding="tallies") as tx:
            (await Crate.get(made.id, tx, lock=True)).weight = 1

    with pytest.raises(EmitRefused, match="Crate: a rebuild of tallies"):
        await another_table()
    assert await value(database, "SELECT weight FROM crates") == 9
    for table in ("outbox", "timers", "jobs"):
        assert await count(database, table) == 0


async def test_a_timer_is_replaced_by_a_later_one_of_its_kind_and_cancelled_by_name(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        crate = a_crate(tx)
        tx.set_timer(crate, "look", tx.now + timedelta(hours=1))
        tx.set_timer(crate, "look", tx.now + timedelta(hours=2))
        tx.set_timer(crate, "throw away", tx.now + timedelta(days=9))
        wanted = tx.now + timedelta(hours=2)
    look = "SELECT (due_at, generation) FROM timers WHERE kind = 'look'"
    due, generation = await value(database, look)
    assert due == wanted
    async with database.transaction(WORKER) as tx:
        crate = await Crate.get(crate.id, tx, lock=True)
        tx.set_timer(crate, "look", wanted)
        tx.cancel_timer(crate, "throw away")
    again, newer = await value(database, look)
    assert (again, newer > generation) == (wanted, True)
    assert await count(database, "timers") == 1


async def test_what_is_removed_before_it_was_written_leaves_no_trace(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        tx.remove(a_crate(tx))
    assert await count(database, "crates") == 0


async def test_a_row_can_be_removed_and_made_anew_in_one_transaction(database: Database) -> None:
    async with database.transaction(WORKER) as tx:
        made = a_crate(tx)
    async with database.transaction(WORKER) as tx:
        tx.remove(await Crate.get(made.id, tx, lock=True))
        assert await Crate.find(made.id, tx) is None
        tx.add(Crate(id=made.id, account_id=made.account_id, label="a", weight=5))
    assert await value(database, "SELECT ARRAY[weight, revision] FROM crates") == [5, 0]

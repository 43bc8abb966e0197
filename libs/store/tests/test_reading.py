"""What a transaction reads, and when what it holds is the newest."""

from uuid import uuid4

import pytest

from libs.store import Database, NotFound, StaleRevision
from libs.store.entity import spoken
from libs.store.ids import new_id
from libs.store.tests.goods import WORKER, Crate, value


async def a_crate(database: Database, **fields: int) -> Crate:
    async with database.transaction(WORKER) as tx:
        return tx.add(Crate(id=new_id(), account_id=uuid4(), label=str(new_id()), **fields))


async def reweigh(database: Database, crate: Crate, weight: int) -> None:
    """Somebody else, meanwhile."""
    async with database.transaction(WORKER) as tx:
        (await Crate.get(crate.id, tx, lock=True)).weight = weight


async def test_a_row_is_one_object_however_it_is_read(database: Database) -> None:
    made = await a_crate(database)
    async with database.transaction(WORKER) as tx:
        first = await Crate.get(made.id, tx)
        assert first is not made
        assert await Crate.find(made.id, tx) is first
        assert await tx.find_many(Crate, [made.id, made.id]) == [first, first]
        assert await tx.select(Crate) == [first]
        assert await tx.first(Crate, Crate.c.label == made.label, lock=True) is first
        assert await Crate.get(made.id, tx, lock=True) is first
        assert await tx.lock_available(Crate, [made.id]) == [first]
        added = tx.add(Crate(id=new_id(), account_id=uuid4(), label="new"))
        assert await Crate.get(added.id, tx, lock=True) is added
        await tx.flush()
        assert await tx.first(Crate, Crate.c.label == "new") is added


@pytest.mark.parametrize(
    ("name", "words"), [("WorkOrder", "work order"), ("BusinessCalendar", "business calendar"), ("Rma", "rma")]
)
def test_what_is_not_there_is_called_by_the_words_of_its_name(name: str, words: str) -> None:
    assert spoken(type(name, (), {})) == words


async def test_a_row_read_and_then_locked_takes_the_locked_values_into_the_same_object(database: Database) -> None:
    made = await a_crate(database, weight=1)
    async with database.transaction(WORKER) as tx:
        crate = await Crate.get(made.id, tx)
        await reweigh(database, made, 2)
        assert await Crate.get(made.id, tx) is crate
        assert crate.weight == 1
        assert await Crate.get(made.id, tx, lock=True) is crate
        assert (crate.weight, crate.revision) == (2, 1)
        crate.weight += 1
    assert await value(database, "SELECT weight FROM crates") == 3


async def test_a_row_that_went_away_between_reading_and_locking_is_not_there(database: Database) -> None:
    made = await a_crate(database)
    async with database.transaction(WORKER) as tx:
        await Crate.get(made.id, tx)
        async with database.transaction(WORKER) as other:
            other.remove(await Crate.get(made.id, other, lock=True))
        with pytest.raises(NotFound):
            await Crate.get(made.id, tx, lock=True)
        assert await Crate.find(made.id, tx) is None


async def test_a_row_that_came_between_looking_and_locking_is_there(database: Database) -> None:
    id = new_id()
    async with database.transaction(WORKER) as tx:
        assert await Crate.find(id, tx) is None
        async with database.transaction(WORKER) as other:
            other.add(Crate(id=id, account_id=uuid4(), label="a", weight=7))
        assert (await Crate.get(id, tx, lock=True)).weight == 7


async def test_many_are_given_in_the_order_asked_with_none_for_what_is_missing(database: Database) -> None:
    one, two, missing = await a_crate(database), await a_crate(database), new_id()
    async with database.transaction(WORKER) as tx:
        found = await tx.find_many(Crate, [two.id, missing, one.id, two.id], lock=True)
    assert [crate and crate.id for crate in found] == [two.id, None, one.id, two.id]


async def test_what_somebody_else_has_locked_is_not_available(database: Database) -> None:
    free, taken = await a_crate(database), await a_crate(database)
    async with database.transaction(WORKER) as tx, database.transaction(WORKER) as other:
        await Crate.get(taken.id, other, lock=True)
        assert [crate.id for crate in await tx.lock_available(Crate, [taken.id, free.id])] == [free.id]


async def test_an_if_match_of_another_revision_is_refused_also_when_it_gets_stale_before_the_lock(
    database: Database,
) -> None:
    made = await a_crate(database)
    async with database.transaction(WORKER) as tx:
        tx.expect(made.id, 1)
        with pytest.raises(StaleRevision, match="revision 0"):
            await Crate.get(made.id, tx)
    async with database.transaction(WORKER) as tx:
        tx.expect(made.id, 0)
        await Crate.get(made.id, tx)
        await reweigh(database, made, 2)
        with pytest.raises(StaleRevision) as stale:
            await Crate.get(made.id, tx, lock=True)
        assert stale.value.revision == 1


async def test_an_if_match_says_nothing_about_other_rows(database: Database) -> None:
    made, other = await a_crate(database), await a_crate(database)
    await reweigh(database, other, 2)
    async with database.transaction(WORKER) as tx:
        tx.expect(made.id, 0)
        assert (await Crate.get(other.id, tx, lock=True)).weight == 2
        assert tx.revision_of(other.id) == 1
        assert tx.revision_of(new_id()) is None

"""Reference data: never older than the beginning of the transaction, read once for as long as nothing changes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from uuid import UUID, uuid4

import asyncpg
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.store import Database, NotFound, Once, Reference, Transaction
from libs.store.ids import new_id
from libs.store.tests.goods import WORKER, Tariff
from tests.support.tables import database_for

_ONE = UUID(int=1)
_START_BATCH = "SELECT * FROM start_batch('c', 't', 0, 0, 0, '{}', '{}', '{}', '{}')"
STARTS = ("plain", "request", "batch")


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def urls(postgres_url: str) -> tuple[str, str]:
    """The owner's and the run-time role's."""
    return await database_for(postgres_url, f"tariffs{uuid4().hex[:10]}", Tariff)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def shop(urls: tuple[str, str]) -> AsyncIterator[Database]:
    database = await Database.connect(urls[1], size=6)
    async with database.transaction(WORKER) as tx:
        tx.add(Tariff(id=_ONE, price=0))
    yield database
    await database.close()


class Tariffs:
    """The prices by reference, counting how often they were read."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        self.readings, self._meanwhile = 0, meanwhile
        self.prices = Reference(self._read)

    async def _read(self, tx: Transaction) -> dict[UUID, int]:
        self.readings += 1
        found = {row["id"]: row["price"] for row in await tx.connection.fetch("SELECT id, price FROM tariffs")}
        if self._meanwhile and self.readings == 1:
            await self._meanwhile()
        return found


async def change(shop: Database, price: int) -> None:
    async with shop.transaction(WORKER) as tx:
        (await Tariff.get(_ONE, tx, lock=True)).price = price


def begin(shop: Database, how: str) -> AbstractAsyncContextManager[Transaction]:
    if how == "request":
        return shop.transaction(WORKER, once=Once("p", "POST /v1/tariffs", str(new_id())))
    return shop.transaction(WORKER, start=(_START_BATCH,) if how == "batch" else None)


async def test_what_does_not_change_is_read_once(shop: Database) -> None:
    tariffs = Tariffs()
    await change(shop, 5)
    for how in STARTS * 3:
        async with begin(shop, how) as tx:
            assert (await tariffs.prices(tx))[_ONE] == 5
    assert tariffs.readings == 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["begin", "look", "change", "end"]), st.integers(0, 2), st.sampled_from(STARTS)),
        min_size=10,
        max_size=30,
    )
)
async def test_a_transaction_sees_nothing_older_than_its_beginning_and_nothing_that_is_not_committed(
    shop: Database, steps: list[tuple[str, int, str]]
) -> None:
    """Three transactions begin, look and end among changes; `price` counts the changes that were committed."""
    tariffs = Tariffs()
    await change(shop, 0)
    price, begun = 0, dict[int, tuple[Transaction, AsyncExitStack, int]]()
    try:
        for what, n, how in steps:
            if what == "change":
                price += 1
                await change(shop, price)
            elif what == "end":
                if n in begun:
                    await begun.pop(n)[1].aclose()
            else:
                if n not in begun:
                    stack = AsyncExitStack()
                    begun[n] = await stack.enter_async_context(begin(shop, how)), stack, price
                if what == "look":
                    assert begun[n][2] <= (await tariffs.prices(begun[n][0]))[_ONE] <= price
    finally:
        for _, stack, _ in begun.values():
            await stack.aclose()


async def test_what_changes_while_it_is_read_is_read_again(shop: Database) -> None:
    await change(shop, 1)
    tariffs = Tariffs(lambda: change(shop, 2))
    for price in (1, 2):
        async with shop.transaction(WORKER) as tx:
            assert (await tariffs.prices(tx))[_ONE] == price


async def test_a_transaction_sees_what_it_changed_itself_and_nobody_else_does_before_the_commit(shop: Database) -> None:
    tariffs = Tariffs()
    await change(shop, 1)
    async with shop.transaction(WORKER) as tx:
        assert (await tariffs.prices(tx))[_ONE] == 1
        (await Tariff.get(_ONE, tx, lock=True)).price = 2
        await tx.flush()
        assert (await tariffs.prices(tx))[_ONE] == 2
        async with shop.transaction(WORKER) as another:
            assert (await tariffs.prices(another))[_ONE] == 1
    async with shop.transaction(WORKER) as tx:
        assert (await tariffs.prices(tx))[_ONE] == 2


async def test_what_is_rolled_back_was_never_seen(shop: Database) -> None:
    tariffs = Tariffs()
    await change(shop, 1)

    async def fail() -> None:
        async with shop.transaction(WORKER) as tx:
            (await Tariff.get(_ONE, tx, lock=True)).price = 9
            await tx.flush()
            assert (await tariffs.prices(tx))[_ONE] == 9
            await Tariff.get(new_id(), tx)

    assert isinstance((await asyncio.gather(fail(), return_exceptions=True))[0], NotFound)
    async with shop.transaction(WORKER) as tx:
        assert (await tariffs.prices(tx))[_ONE] == 1


async def test_changes_at_the_same_time_are_each_a_revision(shop: Database, urls: tuple[str, str]) -> None:
    """Of two that end in the other order than they began, the second to end is seen as well."""
    tariffs, ids = Tariffs(), [new_id(), new_id()]
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        one = await first.enter_async_context(shop.transaction(WORKER))
        two = await second.enter_async_context(shop.transaction(WORKER))
        one.add(Tariff(id=ids[0], price=1))
        two.add(Tariff(id=ids[1], price=1))
        await one.flush()
        await two.flush()
        for ending, known in ((second, {ids[1]}), (first, set(ids))):
            await ending.aclose()
            async with shop.transaction(WORKER) as tx:
                assert (await tariffs.prices(tx)).keys() & set(ids) == known


async def test_a_table_that_was_emptied_is_read_again(shop: Database, urls: tuple[str, str]) -> None:
    tariffs = Tariffs()
    async with shop.transaction(WORKER) as tx:
        assert await tariffs.prices(tx)
    owner = await asyncpg.connect(urls[0])
    await owner.execute("TRUNCATE tariffs")
    await owner.close()
    async with shop.transaction(WORKER) as tx:
        assert not await tariffs.prices(tx)
        tx.add(Tariff(id=_ONE, price=0))


async def test_many_changes_of_one_transaction_are_one_revision(shop: Database) -> None:
    async with shop.transaction(WORKER) as tx:
        before = tx.reference
        for _ in range(500):
            tx.add(Tariff(id=new_id(), price=1))
    async with shop.transaction(WORKER) as tx:
        assert tx.reference == before + 1


async def test_what_is_claimed_is_seen_by_the_claimer_and_was_free(shop: Database) -> None:
    tariffs, taken, free = Tariffs(), new_id(), new_id()
    async with shop.transaction(WORKER) as tx:
        tx.add(Tariff(id=taken, price=1))
    async with shop.transaction(WORKER) as tx:
        assert free not in await tariffs.prices(tx)
        claimed = await tx.claim([Tariff(id=taken, price=2), Tariff(id=free, price=2)])
        assert [each.id for each in claimed] == [free]
        claimed[0].price = 3  # it is locked: it may be changed
        assert (await tariffs.prices(tx))[free] == 2
    async with shop.transaction(WORKER) as tx:
        assert {id: price for id, price in (await tariffs.prices(tx)).items() if id in (taken, free)} == {
            taken: 1,
            free: 3,
        }

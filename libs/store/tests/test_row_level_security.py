"""The database itself keeps accounts apart, whatever a query forgets."""

from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from libs.store import Database, NotFound, Scope
from libs.store.ids import new_id
from libs.store.tests.goods import STAFF, WORKER, Crate, value

OURS, ALSO_OURS, THEIRS = uuid4(), uuid4(), uuid4()
NOBODY = Scope("tenant")


def tenant(*accounts: UUID) -> Scope:
    return Scope("tenant", frozenset(accounts), "customer:1")


@pytest_asyncio.fixture(loop_scope="session")
async def one(database: Database, runtime_url: str) -> AsyncIterator[Database]:
    """A crate of each of three accounts, seen through a pool of one connection, so that transactions follow each other on it."""
    async with database.transaction(WORKER) as tx:
        for account in (OURS, ALSO_OURS, THEIRS):
            tx.add(Crate(id=new_id(), account_id=account, label=str(account)))
    single = await Database.connect(runtime_url, size=1)
    yield single
    await single.close()


async def seen(database: Database, scope: Scope) -> set[UUID]:
    async with database.transaction(scope) as tx:
        return {crate.account_id for crate in await tx.select(Crate)}


async def id_of(database: Database, account: UUID) -> UUID:
    found: UUID = await value(database, "SELECT id FROM crates WHERE account_id = $1", account)
    return found


async def test_a_tenant_sees_its_own_accounts_and_no_others(one: Database) -> None:
    assert await seen(one, tenant(OURS)) == {OURS}
    assert await seen(one, tenant(OURS, ALSO_OURS)) == {OURS, ALSO_OURS}
    assert await seen(one, tenant(uuid4())) == set()
    theirs = await id_of(one, THEIRS)
    async with one.transaction(tenant(OURS)) as tx:
        for lock in (False, True):
            with pytest.raises(NotFound):
                await Crate.get(theirs, tx, lock=lock)


async def test_staff_and_workers_see_all_and_who_has_no_account_sees_nothing(one: Database) -> None:
    assert await seen(one, STAFF) == await seen(one, WORKER) == {OURS, ALSO_OURS, THEIRS}
    assert await seen(one, NOBODY) == set()
    assert await seen(one, Scope("")) == set()
    assert await seen(one, Scope("anybody", frozenset({OURS}))) == set()


async def test_without_a_scope_nothing_is_seen(one: Database, runtime_url: str) -> None:
    fresh = await asyncpg.connect(runtime_url)
    assert await fresh.fetchval("SELECT count(*) FROM crates") == 0
    await fresh.close()
    await seen(one, STAFF)
    async with one.pool.acquire() as used:
        assert await used.fetchval("SELECT count(*) FROM crates") == 0


async def test_nothing_of_a_scope_is_left_on_the_connection_for_the_next(one: Database) -> None:
    async def who() -> int:
        return int(await value(one, "SELECT pg_backend_pid()"))

    async def fail_as(scope: Scope) -> None:
        async with one.transaction(scope) as tx:
            assert await tx.select(Crate)
            await tx.connection.execute("SELECT 1 / 0")

    backend = await who()
    for before in (STAFF, WORKER, tenant(THEIRS), tenant(OURS, ALSO_OURS, THEIRS)):
        await seen(one, before)
        assert await seen(one, tenant(OURS)) == {OURS}
        await seen(one, before)
        assert await seen(one, NOBODY) == set()
        with pytest.raises(asyncpg.DivisionByZeroError):
            await fail_as(before)
        assert await seen(one, tenant(OURS)) == {OURS}
        with pytest.raises(asyncpg.DivisionByZeroError):
            await fail_as(before)
        async with one.pool.acquire() as connection:
            assert await connection.fetchval("SELECT count(*) FROM crates") == 0
            left = "SELECT current_setting('polyplus.scope') || current_setting('polyplus.accounts')"
            assert await connection.fetchval(left) == ""
    assert await who() == backend, "it was one connection all the time"


async def test_a_tenant_writes_into_no_other_account(one: Database) -> None:
    async def make() -> None:
        async with one.transaction(tenant(OURS)) as tx:
            tx.add(Crate(id=new_id(), account_id=THEIRS, label="smuggled"))

    async def give_away() -> None:
        ours = await id_of(one, OURS)
        async with one.transaction(tenant(OURS)) as tx:
            (await Crate.get(ours, tx, lock=True)).account_id = THEIRS

    for smuggle in (make, give_away):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await smuggle()
    async with one.transaction(tenant(OURS)) as tx:
        assert await tx.connection.execute("UPDATE crates SET weight = 9 WHERE account_id = $1", THEIRS) == "UPDATE 0"
        assert await tx.connection.execute("DELETE FROM crates WHERE account_id = $1", THEIRS) == "DELETE 0"
    assert await seen(one, STAFF) == {OURS, ALSO_OURS, THEIRS}


@pytest.mark.parametrize(
    "attempt",
    [
        "ALTER TABLE crates DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE crates NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON crates",
        "ALTER POLICY tenant ON crates USING (true)",
        "CREATE POLICY mine ON crates USING (true)",
        "TRUNCATE crates",
        "DROP TABLE crates",
        "CREATE VIEW all_crates AS SELECT * FROM crates",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
        "COPY crates TO PROGRAM 'cat'",
        "DO $$ BEGIN EXECUTE format('SET ROLE %I', (SELECT tableowner FROM pg_tables WHERE tablename = 'crates')); END $$",
        "SET LOCAL row_security = off; SELECT * FROM crates",
    ],
)
async def test_the_run_time_role_cannot_put_it_out_of_force(one: Database, attempt: str) -> None:
    async with one.pool.acquire() as connection:
        before = connection.transaction()
        await before.start()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(attempt)
        await before.rollback()
    assert await seen(one, tenant(OURS)) == {OURS}


async def test_it_holds_for_the_tables_owner_too(one: Database) -> None:
    held = "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE relname = 'crates'"
    assert await value(one, held)
    assert not await value(one, "SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user")

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from deploy.local.databases import ServiceDatabase, create_service_database


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def a_database(admin_url: str, service: str, owner: str = "o", runtime: str = "r") -> ServiceDatabase:
    """Beside those of the same services that other tests keep on this server."""
    return await create_service_database(
        admin_url, service, owner_password=owner, runtime_password=runtime, prefix="roles_"
    )


def at_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@pytest.mark.parametrize("other", ["roles_cases", "postgres", "template1"])
async def test_the_run_time_role_connects_to_no_other_database(postgres_url: str, other: str) -> None:
    rma = await a_database(postgres_url, "rma")
    await a_database(postgres_url, "cases")

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(at_database(rma.runtime_url, other))


async def test_the_run_time_role_is_bound_by_row_level_security_and_makes_nothing(postgres_url: str) -> None:
    database = await a_database(postgres_url, "onsite")
    async with connected(database.owner_url) as owner:
        await owner.execute("""
            create table visits (id int primary key, account int);
            alter table visits enable row level security;
            alter table visits force row level security;
            create policy own on visits using (account = nullif(current_setting('app.account', true), '')::int);
        """)
    async with connected(database.runtime_url) as runtime:
        await runtime.execute("set app.account = '1'; insert into visits values (1, 1)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            await runtime.execute("insert into visits values (2, 2)")
        await runtime.execute("set app.account = '2'")
        assert await runtime.fetch("select * from visits") == []
        for forbidden in (
            "set row_security = off; select * from visits",
            "alter table visits no force row level security",
            "drop table visits",
            "create table mine (id int)",
            "create schema mine",
            "alter role current_user bypassrls",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await runtime.execute(forbidden)
            await runtime.execute("reset row_security")


async def test_what_the_owner_makes_later_is_usable_at_run_time(postgres_url: str) -> None:
    database = await a_database(postgres_url, "ecps")
    async with connected(database.owner_url) as owner, connected(database.runtime_url) as runtime:
        await owner.execute("create table tickets (id int generated always as identity, text text)")
        await runtime.execute("insert into tickets (text) values ('a'); update tickets set text = 'b'")
        assert await runtime.fetchval("select text from tickets") == "b"
        await runtime.execute("delete from tickets")


async def test_making_a_database_again_keeps_its_data_and_takes_the_given_passwords(postgres_url: str) -> None:
    first = await a_database(postgres_url, "activity", owner="o1", runtime="r1")
    async with connected(first.owner_url) as owner:
        await owner.execute("create table entries (id int); insert into entries values (7)")

    second = await a_database(postgres_url, "activity", owner="o2", runtime="r2")

    async with connected(second.runtime_url) as runtime:
        assert await runtime.fetchval("select id from entries") == 7
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(first.runtime_url)

"""A transaction that is the only one on a request, and what it finds of an earlier one."""

from uuid import uuid4

import pytest

from libs.store import Database, NotFound, Once, Scope
from libs.store.flush import Statement
from libs.store.ids import new_id
from libs.store.runtime import columns
from libs.store.tests.goods import WORKER, Crate

_SETTINGS = "concat(current_setting('polyplus.scope', true), ' ', current_setting('polyplus.accounts', true))"


def a_request() -> Once:
    return Once("principal", "POST /v1/crates", str(new_id()))


def an_answer(request: Once, body: bytes) -> Statement:
    return Statement.insert("idempotency_keys", columns.IDEMPOTENCY_KEYS, [(*request, b"hash", 201, "{}", body)])


async def test_only_one_transaction_at_a_time_works_on_a_request_and_the_next_finds_its_answer(
    database: Database,
) -> None:
    request = a_request()
    async with database.transaction(WORKER, once=request) as first:
        assert (first.started["alone"], first.started["status"]) == (True, None)
        async with database.transaction(WORKER, once=request) as meanwhile:
            assert (meanwhile.started["alone"], meanwhile.started["status"]) == (False, None)
        async with database.transaction(WORKER, once=request._replace(key="another")) as another:
            assert another.started["alone"]
        first.write_with(an_answer(request, b"made"))
    async with database.transaction(WORKER, once=request) as again:
        found = again.started
        assert found["alone"]
        assert (found["status"], found["request_hash"], found["body"]) == (201, b"hash", b"made")


async def test_a_request_whose_transaction_failed_begins_afresh(database: Database) -> None:
    request = a_request()

    async def fail() -> None:
        async with database.transaction(WORKER, once=request) as failing:
            failing.write_with(an_answer(request, b"never"))
            await failing.flush()
            await Crate.get(new_id(), failing)

    with pytest.raises(NotFound):
        await fail()
    async with database.transaction(WORKER, once=request) as again:
        assert (again.started["alone"], again.started["status"]) == (True, None)


async def test_a_request_has_its_scope_from_the_beginning_and_leaves_none_behind(database: Database) -> None:
    account = uuid4()
    async with database.transaction(Scope("tenant", frozenset({account})), once=a_request()) as tx:
        found = await tx.connection.fetchval(f"SELECT {_SETTINGS}")
    assert found == f"tenant {account}"
    async with database.pool.acquire() as connection:
        assert await connection.fetchval(f"SELECT {_SETTINGS}") == " "

"""A reason tells an operator enough to go on, and quotes nobody."""

from collections.abc import Callable
from uuid import UUID

import asyncpg
import httpx
import pytest
from pydantic import BaseModel, Field

from libs.store.errors import NotFound
from libs.store.reasons import reason, stack

WORD = "Nguyễn"


class Told(BaseModel):
    serial: int
    said: dict[str, int] = Field(default_factory=dict)


async def test_a_servers_trouble_is_told_in_its_own_words(postgres_url: str) -> None:
    with pytest.raises(asyncpg.PostgresError) as error:
        await asyncpg.connect(postgres_url.rpartition("/")[0] + "/no_such_place")
    assert reason(error.value) == 'InvalidCatalogNameError: database "no_such_place" does not exist'
    connection = await asyncpg.connect(postgres_url)
    try:
        with pytest.raises(asyncpg.PostgresError) as error:
            await connection.fetch("SELECT * FROM rmas_of_old")
        assert reason(error.value) == 'UndefinedTableError: relation "rmas_of_old" does not exist'
        await connection.execute("CREATE TEMP TABLE t (word text CONSTRAINT one_word UNIQUE)")
        with pytest.raises(asyncpg.PostgresError) as error:
            await connection.execute("INSERT INTO t VALUES ($1), ($1)", WORD)
        assert reason(error.value) == "UniqueViolationError: 23505 constraint one_word table t"
    finally:
        await connection.close()
    with pytest.raises(asyncpg.InterfaceError) as closed:
        await connection.fetch("SELECT 1")
    assert reason(closed.value) == "InterfaceError: connection is closed"


def test_a_broken_contract_is_told_by_field_and_rule() -> None:
    with pytest.raises(ValueError, match=WORD) as error:
        Told.model_validate({"serial": WORD, "said": {WORD: WORD}})
    assert reason(error.value) == "ValidationError: Told: serial int_parsing, said.? int_parsing"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "ConnectionRefusedError: [Errno 111] Connection refused"),
        (TimeoutError(), "TimeoutError"),
        (httpx.ConnectError("All connection attempts failed"), "ConnectError: All connection attempts failed"),
        (httpx.LocalProtocolError(f"Illegal header value {WORD}"), "LocalProtocolError"),
        (NotFound("RMA", UUID(int=7)), f"NotFound: There is no RMA {UUID(int=7)}."),
        (LookupError(WORD), "LookupError"),
    ],
)
def test_texts_of_places_are_told_and_others_are_not(error: Exception, told: str) -> None:
    assert reason(error) == told


def _nested() -> None:
    try:
        int(WORD)
    except ValueError as error:
        raise RuntimeError(WORD) from error


def _many() -> None:
    raise ExceptionGroup(WORD, [LookupError(WORD), ValueError(WORD)])


@pytest.mark.parametrize("fail", [_nested, _many])
def test_a_stack_shows_every_cause_and_line_and_no_text(fail: Callable[[], None]) -> None:
    with pytest.raises((RuntimeError, ExceptionGroup)) as error:
        fail()
    shown = stack(error.value)
    assert WORD not in shown
    assert fail.__name__ in shown
    assert "ValueError" in shown

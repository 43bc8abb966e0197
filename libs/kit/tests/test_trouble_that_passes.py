"""One list of trouble that passes: what a consumer tries again is what a caller is told to try again, and nothing else is."""

import asyncpg
import pytest
from asyncpg import exceptions

from libs.bus.batch import CLASHES, is_transient
from libs.events import Event
from libs.kit.problems import Conflict, InvalidRequest, Unavailable, Unprocessable, as_problem
from libs.store.errors import EventTooLarge, passes
from libs.store.outbox import MAX_EVENT_BYTES, row_for

PASSING = {
    # connections and log-in
    "PostgresConnectionError", "ConnectionDoesNotExistError", "ConnectionFailureError", "ConnectionRejectionError",
    "ClientCannotConnectError", "TransactionResolutionUnknownError", "ProtocolViolationError",
    "InvalidAuthorizationSpecificationError", "InvalidPasswordError", "InvalidCatalogNameError",
    # rolled back because of others
    "TransactionRollbackError", "TransactionIntegrityConstraintViolationError", "SerializationError",
    "StatementCompletionUnknownError", "DeadlockDetectedError",
    # read-only, stood still, took too long, locked by others
    "ReadOnlySQLTransactionError", "IdleInTransactionSessionTimeoutError", "TransactionTimeoutError",
    "ObjectInUseError", "LockNotAvailableError",
    # no room; somebody intervenes; the disk
    "InsufficientResourcesError", "DiskFullError", "OutOfMemoryError", "TooManyConnectionsError",
    "ConfigurationLimitExceededError", "OperatorInterventionError", "QueryCanceledError", "AdminShutdownError",
    "CrashShutdownError", "CannotConnectNowError", "DatabaseDroppedError", "IdleSessionTimeoutError", "PostgresSystemError",
    "PostgresIOError",
    # a migration came between
    "InvalidCachedStatementError", "OutdatedSchemaCacheError",
    # the driver's own, of a connection
    "InterfaceError", "InternalClientError", "ProtocolError", "TargetServerAttributeNotMatched",
    "UnsupportedClientFeatureError", "UnsupportedServerFeatureError",
}  # fmt: skip
EVERY = {
    name: kind
    for name, kind in vars(exceptions).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, Warning)
}


@pytest.mark.parametrize("name", EVERY)
def test_callers_and_consumers_agree_on_every_error_of_the_database(name: str) -> None:
    error = EVERY[name].__new__(EVERY[name])
    expected = name in PASSING
    assert passes(error) == expected
    assert isinstance(as_problem(error), Unavailable) == expected
    assert is_transient(error, CLASHES) == expected


def test_every_name_of_the_table_is_an_error_of_the_driver() -> None:
    assert len(EVERY) > 200
    assert EVERY.keys() >= PASSING


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(113, "No route to host"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (FileNotFoundError(2, "No such file", "/etc/poly"), False),
        (ValueError("a handler's own"), False),
        (ConnectionError(), True),
    ],
    ids=repr,
)
def test_callers_and_consumers_agree_on_the_rest(error: Exception, expected: bool) -> None:
    assert passes(error) == expected
    assert isinstance(as_problem(error), Unavailable) == expected
    assert is_transient(error, 0) == expected


async def test_a_database_that_takes_no_writes_is_come_again_to_one_and_try_again_to_the_other(
    postgres_url: str,
) -> None:
    """As after a failover to a standby that is not promoted yet."""
    session = await asyncpg.connect(postgres_url)
    try:
        await session.execute("CREATE TEMPORARY TABLE kept (id int)")
        with pytest.raises(asyncpg.PostgresError) as refused:
            await session.execute("BEGIN READ ONLY; CREATE TABLE never (id int)")
    finally:
        await session.close()
    assert isinstance(as_problem(refused.value), Unavailable)
    assert is_transient(refused.value, 0)


async def test_what_a_text_cannot_hold_is_told_apart_from_what_a_number_cannot(postgres_url: str) -> None:
    session = await asyncpg.connect(postgres_url)
    try:
        for value, kind in (("$1::text", "a\0b"), ("$1::jsonb", '"\\u0000"')):
            with pytest.raises(asyncpg.PostgresError) as refused:
                await session.fetchval(f"SELECT {value} ->> 0" if "json" in value else f"SELECT {value}", kind)
            told = as_problem(refused.value)
            assert isinstance(told, InvalidRequest)
            assert "NUL" in told.detail
        with pytest.raises(asyncpg.PostgresError) as refused:
            await session.fetchval("SELECT 99999::smallint")
        told = as_problem(refused.value)
        assert isinstance(told, Unprocessable)
        assert "NUL" not in told.detail
        assert not isinstance(told, InvalidRequest)
    finally:
        await session.close()


def test_who_makes_the_same_row_twice_is_told_and_a_consumer_tries_a_few_times() -> None:
    error = asyncpg.UniqueViolationError()
    assert isinstance(as_problem(error), Conflict)
    assert [is_transient(error, clashes) for clashes in (0, CLASHES)] == [True, False]


def test_what_is_too_large_to_be_told_is_the_caller_s_to_shorten() -> None:
    class NoteTaken(Event, type="polyplus.kit.note-taken", visibility="internal", subject="note_id"):
        """A text of any length."""

        note_id: str
        text: str

    with pytest.raises(EventTooLarge) as refused:
        row_for(
            NoteTaken(note_id="1", text="x" * MAX_EVENT_BYTES), version=1, account_id=None, causation_id=None,
            actor="", traceparent=None, time=None,  # type: ignore[arg-type]
        )  # fmt: skip
    told = as_problem(refused.value)
    assert isinstance(told, Unprocessable)
    assert told.status == 422

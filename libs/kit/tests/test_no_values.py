"""What an event holds is nobody's business but its readers': it is in no log, no reason and no header, whatever fails over it."""

import asyncio
import gc
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
import structlog

from deploy.local.kafka import KafkaLogin
from libs.bus.tests.stage import WORKER, Stage, a_stage, running, some, until
from libs.events import Event
from libs.kit import telemetry
from libs.kit.health import outcome
from libs.store import Transaction
from libs.store.ids import new_id

WORD = "Nguyen-s3cret-word"


@pytest_asyncio.fixture(loop_scope="session")
async def stage(postgres_url: str, kafka_login: KafkaLogin) -> AsyncIterator[Stage]:
    async with a_stage(postgres_url, kafka_login) as made:
        yield made


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the process writes to its log."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    telemetry.configure("rma", stream=stream)
    yield stream
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


async def _its_own_text(event: Any, tx: Transaction) -> None:
    raise LookupError(f"there is no site {event.word}")


async def _a_row(event: Any, tx: Transaction) -> None:
    await tx.connection.execute(
        "INSERT INTO tallies (id, numbers) SELECT $1, NULL WHERE $2 <> ''", new_id(), event.word
    )


async def _a_key(event: Any, tx: Transaction) -> None:
    await tx.connection.execute("CREATE TEMP TABLE words (word text PRIMARY KEY) ON COMMIT DROP")
    await tx.connection.execute("INSERT INTO words SELECT $1 FROM generate_series(1, 2)", event.word)


async def _a_cast(event: Any, tx: Transaction) -> None:
    await tx.connection.fetchval("SELECT $1::text::uuid", event.word)


async def _an_argument(event: Any, tx: Transaction) -> None:
    await tx.connection.fetchval("SELECT $1::int", event.word)


async def _a_library_that_was_not_asked(event: Any, tx: Transaction) -> None:
    async def fail() -> None:
        raise ValueError(event.word)

    await asyncio.wait([asyncio.create_task(fail())])
    gc.collect()
    logging.getLogger("library").error("cannot work on it: %s", LookupError(event.word))
    try:
        int(event.word)
    except ValueError as error:
        logging.getLogger("library").exception("cannot work on it")
        raise ExceptionGroup("both", [error]) from None


@pytest.mark.parametrize(
    "fail", [None, _its_own_text, _a_row, _a_key, _a_cast, _an_argument, _a_library_that_was_not_asked]
)
async def test_no_value_of_a_poison_event_leaves_the_event(stage: Stage, written: io.StringIO, fail: Any) -> None:
    class Said(Event, type=f"polyplus.{stage.name}.said", visibility="internal", subject="thing_id"):
        """A word, and a number where poison has a word."""

        thing_id: Any
        word: str
        n: Any
        said: dict[str, int]

    told = {"word": WORD, "n": WORD, "said": {WORD: 1}}
    if fail is None:  # the contract is broken: no handler is reached
        stage.handlers(stage.ThingMoved)(_its_own_text)
    else:
        stage.handlers(Said)(fail)
    [thing] = some(1)
    async with stage.database.transaction(WORKER) as tx:
        await stage.move_in(tx, thing)
        data = json.dumps({"thing_id": str(thing), **told}).encode()
        type = (stage.ThingMoved if fail is None else Said).contract.ce_type
        tx.pending.outbox[:] = [row._replace(type=type, data=data) for row in tx.pending.outbox]
    consumer = stage.consumer(dead_letter_limit=2)
    async with running(stage.relay().run, consumer.run):
        await until(lambda: _are_dead(stage, 1), "the event is a dead letter")
        await until(lambda: _are_published(stage, 1), "it is on the DLQ topic")
    found = [dict(row) for row in await _rows(stage)]
    assert WORD not in str([(row["error"], row["headers"]) for row in found])
    [record] = await stage.records(stage.dlq)
    assert WORD not in str(record.headers)
    assert WORD not in written.getvalue()
    [line] = [json.loads(line) for line in written.getvalue().splitlines() if '"dead letter"' in line]
    assert line["event_id"] == str(found[0]["event_id"])
    assert line["event_type"] == found[0]["type"]
    assert found[0]["error"].split(":")[0] in line["exception"]


async def test_readiness_says_why_a_consumer_halted_without_a_value(stage: Stage, written: io.StringIO) -> None:
    async def fail(event: Any, tx: Transaction) -> None:
        raise LookupError(f"no site {WORD} {event.n}")

    stage.handlers(stage.ThingMoved)(fail)
    await stage.move(*some(3))
    consumer = stage.consumer(dead_letter_limit=2)
    async with running(stage.relay().run, consumer.run):

        async def has_halted() -> bool:
            return "in a row" in await outcome(consumer.check)

        await until(has_halted, "it halts")
        assert WORD not in await outcome(consumer.check)
        assert "LookupError: at libs/kit/tests/test_no_values.py:" in await outcome(consumer.check)
    assert WORD not in written.getvalue()


async def _rows(stage: Stage) -> Any:
    async with stage.database.pool.acquire() as connection:
        return await connection.fetch("SELECT error, headers::text, event_id, type FROM dead_letters")


async def _are_dead(stage: Stage, count: int) -> bool:
    return bool(await stage.fetchval("SELECT count(*) FROM dead_letters WHERE status = 'dead'") == count)


async def _are_published(stage: Stage, count: int) -> bool:
    return len(await stage.published(stage.dlq)) == count

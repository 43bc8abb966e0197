"""Ending what talks to Kafka, and going on after a library's cancellation that nobody asked for."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from structlog.testing import capture_logs

from libs.bus import Handlers, Jobs, Timers
from libs.bus.kafka import close
from libs.bus.retention import Retention
from libs.bus.tests.stage import PARTITIONS, Stage, running, until
from libs.bus.worker import Worker


async def test_closing_a_consumer_while_kafka_is_away_cancels_nobody_and_leaves_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = AIOKafkaConsumer(**stage.kafka.common(), enable_auto_commit=False, retry_backoff_ms=60_000)
    await client.start()
    client.assign([TopicPartition(stage.topic, 0)])
    client.seek(TopicPartition(stage.topic, 0), 0)

    async def away(*_: object, **__: object) -> bool:
        return False

    async def has_failed() -> bool:
        return "Failed fetch messages" in caplog.text

    monkeypatch.setattr(client._client, "ready", away)
    await until(has_failed, "a fetch waits to be tried again")

    with capture_logs() as logs:
        await close(client)

    assert [line["error"] for line in logs] == ["CancelledError"], "aiokafka has mended this: is close() needed still?"
    assert not [task for task in asyncio.all_tasks() if not task.done() and _is_aiokafkas(task)]


def _is_aiokafkas(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and "aiokafka" in code.co_filename


async def test_a_consumer_says_that_kafka_is_away_though_its_commits_never_end(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.tally()
    consumer = stage.consumer()

    async def for_ever(*_: object) -> None:  # as aiokafka's, while no coordinator is found
        await asyncio.Event().wait()

    async def away(*_: object) -> None:
        raise KafkaConnectionError

    async def has_its_partitions() -> bool:
        return len(consumer.held) == PARTITIONS and await consumer.check() is None

    async def says_so() -> bool:
        return "does not answer" in str(await consumer.check())

    monkeypatch.setattr("libs.bus.consumer._PROBE_SECONDS", 0.5)
    monkeypatch.setattr(AIOKafkaConsumer, "commit", for_ever)
    async with running(consumer.run):
        await until(has_its_partitions, "it consumes")
        with monkeypatch.context() as broken:
            broken.setattr(AIOKafkaConsumer, "end_offsets", away)
            await until(says_so, "it says that Kafka does not answer")
        await until(has_its_partitions, "and that it does again")


class _Settings:
    database_url = kafka_bootstrap = kafka_user = kafka_password = ""
    sandbox = False
    retention = Retention()


async def test_a_loop_goes_on_after_a_cancellation_that_nobody_asked_for_and_ends_with_one_that_somebody_did(
    stage: Stage,
) -> None:
    worker = Worker(Handlers("test"), Timers("test"), Jobs("test"), stage.database, _Settings())
    turns = 0

    async def loop() -> None:
        nonlocal turns
        turns += 1
        if turns == 1:
            raise asyncio.CancelledError
        await asyncio.Event().wait()

    async def is_in_its_second_turn() -> bool:
        return turns == 2

    task = asyncio.create_task(worker._keep_running("test", loop))
    await until(is_in_its_second_turn, "it is started again")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

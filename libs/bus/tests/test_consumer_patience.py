"""Trouble that passes is waited for, and is nobody's dead letter."""

from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from aiokafka import TopicPartition

from libs.bus.batch import work
from libs.bus.tests.facts import tallied
from libs.bus.tests.stage import WORKER, Stage, running, some, until
from libs.events import Event


async def test_trouble_that_passes_is_tried_again_and_never_dead_lettered(stage: Stage) -> None:
    failures = Counter[int]()

    async def fail(event: Any) -> None:
        failures[event.n] += 1
        if failures[event.n] <= 3:
            raise ConnectionResetError("away for a moment")

    stage.tally(before=fail)
    id = some(1)[0]
    async with running(stage.relay().run, stage.consumer().run):
        await stage.move(id)
        await until(lambda: tallied(stage, [id], 1), "handled in the end")
    assert await stage.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_a_commit_whose_answer_is_lost_holds_its_partition_up_no_longer_than_the_trouble_lasts(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    class ThingSeen(Event, type=f"polyplus.{stage.name}.thing-seen", visibility="internal", subject="thing_id"):
        """Nobody hears this: it is passed over in memory."""

        thing_id: UUID

    stage.tally()
    id, lost, consumer = some(1)[0], 0, stage.consumer()

    async def and_the_answer_is_lost(*args: Any, **how: Any) -> None:
        nonlocal lost
        await work(*args, **how)
        lost += 1
        if lost == 1:
            consumer.held[TopicPartition(args[2].topic, args[2].number)].passed = how["next"] - 1
            raise ConnectionResetError("the answer to COMMIT is lost")

    monkeypatch.setattr("libs.bus.applying.work", and_the_answer_is_lost)
    async with running(stage.relay().run, consumer.run):
        async with stage.database.transaction(WORKER) as tx:
            await stage.move_in(tx, id)
            tx.emit(ThingSeen(thing_id=id))
            await stage.move_in(tx, id)
        await until(lambda: tallied(stage, [id], 2), "handled")
        await stage.move(id)
        await until(lambda: tallied(stage, [id], 3), "and so is the next one", seconds=10)
    assert lost >= 1
    assert await stage.numbers() == {id: [0, 1, 2]}


async def test_an_outage_leaves_no_less_patience_with_rows_that_two_batches_made(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.bus.consumer._LONGEST_PAUSE", 0.2)
    failures = Counter[int]()

    async def fail(event: Any) -> None:
        failures[event.n] += 1
        if failures[event.n] <= 5:
            raise ConnectionResetError("the database is away for a while")
        if failures[event.n] <= 7:
            raise asyncpg.UniqueViolationError("another batch made this row")

    stage.tally(before=fail)
    id = some(1)[0]
    async with running(stage.relay().run, stage.consumer().run):
        await stage.move(id)
        await until(lambda: tallied(stage, [id], 1), "handled in the end", seconds=30)
    assert await stage.fetchval("SELECT count(*) FROM dead_letters") == 0

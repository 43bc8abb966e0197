"""Lines with more than one poison event."""

from collections.abc import Collection
from typing import Any

import pytest

from libs.bus.batch import apply_once
from libs.bus.replay import NothingParked, _die, discard, replay
from libs.bus.tests.stage import Stage, running, some, until


async def a_line(stage: Stage, poison: Collection[int], *, length: int) -> Any:
    """A key whose first `length` events wait behind the first that is poison."""
    id = some(1)[0]

    async def fail(event: Any) -> None:
        if event.n in poison:
            raise ValueError(f"number {event.n} is poison")

    async def in_line() -> bool:
        waiting = await stage.fetchval("SELECT count(*) FROM dead_letters WHERE status IN ('dead', 'waiting')")
        return bool(waiting == length)

    stage.tally(before=fail)
    async with running(stage.relay().run, stage.consumer().run):
        for _ in range(length):
            await stage.move(id)
        await until(in_line, f"{length} wait")
    return id


async def dead(stage: Stage) -> Any:
    return await stage.fetchval(
        "SELECT array_agg(ARRAY[record_offset::text, split_part(error, ':', 1)]) FROM dead_letters WHERE status = 'dead'"
    )


async def test_a_line_of_several_poison_events_is_got_through_by_discarding_each(stage: Stage) -> None:
    id = await a_line(stage, {0, 2, 3}, length=5)
    with pytest.raises(ValueError, match="number 0"):
        await replay(stage.database, stage.handlers, stage.topic, id)
    assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == 1
    assert await stage.numbers() == {id: [1]}
    assert await dead(stage) == [["2", "ValueError"]]
    assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == 0
    assert await dead(stage) == [["3", "ValueError"]]
    assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == 1
    assert await stage.numbers() == {id: [1, 4]}
    with pytest.raises(NothingParked):
        await discard(stage.database, stage.handlers, stage.topic, id)
    assert await stage.fetchval("SELECT count(*) FROM parked_keys") == 0

    async def published() -> bool:
        return len(await stage.published(stage.dlq)) == 3

    async with running(stage.relay().run):
        await until(published, "each poison event is on the DLQ topic")


async def test_a_discard_that_broke_off_and_is_given_again_gives_up_nothing_that_no_handler_has_refused(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await a_line(stage, {0}, length=3)

    async def away(*_: object) -> None:
        raise ConnectionResetError("the database is away")

    with monkeypatch.context() as broken:
        broken.setattr("libs.bus.replay.apply_once", away)
        with pytest.raises(ConnectionResetError):
            await discard(stage.database, stage.handlers, stage.topic, id)
    assert await dead(stage) == [["1", None]], "the next one is at the head, untried"
    assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == 2
    assert await stage.numbers() == {id: [1, 2]}


async def test_a_discard_beside_a_replay_parks_nothing_that_was_handled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await a_line(stage, {0}, length=3)
    beside = False

    async def fail_after_it_was_replayed(*arguments: Any) -> Any:
        nonlocal beside
        if beside:
            return await apply_once(*arguments)
        beside = True
        raise ValueError("refused here")

    async def replayed_meanwhile(*arguments: Any) -> None:
        await replay(stage.database, stage.handlers, stage.topic, id)
        await die(*arguments)

    die = _die
    monkeypatch.setattr("libs.bus.replay.apply_once", fail_after_it_was_replayed)
    monkeypatch.setattr("libs.bus.replay._die", replayed_meanwhile)
    assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == 0
    assert await stage.numbers() == {id: [1, 2]}
    assert await stage.fetchval("SELECT count(*) FROM parked_keys") == 0


async def test_a_replay_after_a_discard_takes_up_the_rest_of_the_line(stage: Stage) -> None:
    poison = {0, 2}
    id = await a_line(stage, poison, length=4)
    assert (await discard(stage.database, stage.handlers, stage.topic, id)).handled == 1
    poison.clear()
    assert await replay(stage.database, stage.handlers, stage.topic, id) == 2
    assert await stage.numbers() == {id: [1, 2, 3]}

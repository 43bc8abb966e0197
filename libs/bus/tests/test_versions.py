"""A new version of an event is rolled out while old and new code run side by side."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from uuid import UUID

from libs.bus.tests.stage import WORKER, Stage, Thing, running, some, until
from libs.bus.tests.versions import first_version, second_version
from libs.events import Event

THINGS = 20


@asynccontextmanager
async def deployed(stage: Stage, code: str) -> AsyncIterator[Process]:
    """A worker with this code, told to end afterwards."""
    kafka = stage.kafka
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "libs.bus.tests.versions",
        code,
        stage.url,
        kafka.bootstrap,
        kafka.user,
        kafka.password,
        stage.name,
        stdout=PIPE,
    )
    try:
        await says(process, "up")
        yield process
    finally:
        await ended(process)


async def says(process: Process, word: str) -> None:
    assert process.stdout
    async with asyncio.timeout(60):
        while (line := (await process.stdout.readline()).decode()) != f"{word}\n":
            assert line, f"it ended before it was {word}"


async def ended(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
        async with asyncio.timeout(60):
            await process.wait()


async def count(stage: Stage, things: Iterable[UUID], event: type[Event], **also: str) -> None:
    """Each thing's next number, told as this version."""
    field = "n" if event.contract.version == 1 else "number"
    async with stage.database.transaction(WORKER) as tx:
        for id in things:
            thing = await Thing.find(id, tx, lock=True) or tx.add(Thing(id=id))
            tx.emit(event.model_validate({"thing_id": id, field: thing.moves, **also}))
            thing.moves += 1


async def tallied(stage: Stage, things: Iterable[UUID], numbers: int) -> None:
    wanted = {id: list(range(numbers)) for id in things}

    async def all_in_order() -> bool:
        return await stage.numbers() == wanted

    await until(all_in_order, f"{numbers} numbers of each thing, in order and once", seconds=120)


async def test_consumers_first_then_producers_is_a_roll_out_that_nobody_notices(stage: Stage) -> None:
    old, new, things = first_version(stage.name), second_version(stage.name), some(THINGS)
    async with deployed(stage, "old") as before, running(stage.relay().run):
        await count(stage, things, old)
        await tallied(stage, things, 1)
        async with deployed(stage, "new"):
            await count(stage, things, old)
            await tallied(stage, things, 2)
            await ended(before)
            await count(stage, things, new, by="somebody")
            await count(stage, things, old)  # a producer that is not replaced yet
            await tallied(stage, things, 4)
    assert await stage.fetchval("SELECT count(*) FROM dead_letters") == 0


async def test_old_code_that_meets_a_newer_version_stops_and_leaves_it_to_who_knows_it(stage: Stage) -> None:
    old, new, things = first_version(stage.name), second_version(stage.name), some(THINGS)
    async with deployed(stage, "old") as before, running(stage.relay().run):
        await count(stage, things, old)
        await tallied(stage, things, 1)
        await count(stage, things, new, by="somebody")
        await says(before, "halted")
        assert await stage.fetchval("SELECT count(*) FROM dead_letters") == 0
        async with deployed(stage, "new"):
            await count(stage, things, old)
            await tallied(stage, things, 3)
            assert before.returncode is None
    assert await stage.fetchval("SELECT count(*) FROM dead_letters") == 0
    assert await stage.fetchval("SELECT count(*) FROM parked_keys") == 0

"""How far behind everything is, on the real engines."""

from __future__ import annotations

from typing import Any

from deploy.cli.tests.conftest import Cli
from libs.bus.tests.stage import Stage, running, some, until


def tell(polyplus: Cli, stage: Stage, **more: str) -> None:
    """An environment in which the stage is one of the services."""
    polyplus.knows(
        RMA_DATABASE_URL=stage.url, KAFKA_BOOTSTRAP=stage.kafka.bootstrap, KAFKA_OPS_USER=stage.kafka.user,
        **{"KAFKA_OPS_PASSWORD": stage.kafka.password, **more},
    )  # fmt: skip


async def settled(stage: Stage, things: list[Any], moves: int) -> bool:
    numbers = await stage.numbers()
    return all(len(numbers.get(id, [])) == moves for id in things)


async def test_it_tells_what_each_partition_and_each_outbox_waits_for(polyplus: Cli, stage: Stage) -> None:
    stage.tally()
    tell(polyplus, stage)
    things = some(8)
    assert (await polyplus("lag", "--json")).json() == {
        "consumers": [],
        "relays": [{"service": "rma", "events": 0, "oldest_seconds": None}],
    }
    async with running(stage.relay().run):
        async with running(stage.consumer().run):
            await stage.move(*things)
            await until(lambda: settled(stage, things, 1), "all are handled")

        async def flowed() -> bool:
            return bool((await polyplus("lag", "--json")).json()["relays"][0]["events"] == 0)

        await until(flowed, "the relay has moved its position")
        at_the_end = (await polyplus("lag", "--json")).json()["consumers"]
        assert {reading["consumer"] for reading in at_the_end} == {stage.name}
        assert sum(reading["next"] for reading in at_the_end) == 8
        assert sum(reading["behind"] for reading in at_the_end) == 0
        await stage.move(*things)
        await until(flowed, "the relay has published them")
    behind = (await polyplus("lag", "--json")).json()["consumers"]
    assert all(reading["end"] - reading["next"] == reading["behind"] for reading in behind)
    assert sum(reading["behind"] for reading in behind) == 8
    busiest = max(behind, key=lambda reading: int(reading["behind"]))

    await stage.move(*things)
    said = await polyplus("lag", "--service", "rma")
    assert (said.code, said.err) == (0, "")
    first, *places, last = said.out.splitlines()
    assert first.split() == [stage.name, stage.topic, "8", "behind"]
    assert f"partition {busiest['partition']} " in said.out
    assert len(places) == sum(reading["behind"] > 0 for reading in behind)
    assert last.split()[:5] == ["rma", "outbox", "8", "unpublished,", "the"]
    whole = await polyplus("lag", "--partitions")
    assert len(whole.out.splitlines()) == 2 + len(behind)
    [relay] = (await polyplus("lag", "--json")).json()["relays"]
    assert 0 <= relay["oldest_seconds"] < 60


async def test_a_topic_that_is_missing_and_a_setting_that_is_missing_are_named(polyplus: Cli, stage: Stage) -> None:
    async with stage.database.pool.acquire() as connection:
        await connection.execute("INSERT INTO consumer_offsets VALUES ('rma', 'a.topic.nobody.made', 0, 5)")
    tell(polyplus, stage)
    [reading] = (await polyplus("lag", "--json")).json()["consumers"]
    assert (reading["end"], reading["behind"]) == (None, 0)
    assert "no such partition" in (await polyplus("lag")).out
    polyplus.knows(RMA_DATABASE_URL=stage.url)
    unknown = await polyplus("lag")
    assert (unknown.code, unknown.err.count("\n")) == (1, 1)
    assert "POLYPLUS_KAFKA_BOOTSTRAP" in unknown.err

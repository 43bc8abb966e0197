"""How far behind everything is, on the real engines."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from deploy.cli.tests.conftest import Cli
from deploy.local.databases import create_service_database
from libs.bus.tests.stage import Stage, running, some, until

QUIET = {
    "service": "rma", "unpublished": 0, "oldest_seconds": None, "timers_due": 0, "timers_late_seconds": None,
    "calls_failing": 0, "dead_letters": 0, "parked_keys": 0,
}  # fmt: skip


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
    assert (await polyplus("lag", "--json")).json() == {"consumers": [], "services": [QUIET]}
    async with running(stage.relay().run):
        async with running(stage.consumer().run):
            await stage.move(*things)
            await until(lambda: settled(stage, things, 1), "all are handled")

        async def flowed() -> bool:
            return bool((await polyplus("lag", "--json")).json()["services"][0]["unpublished"] == 0)

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
    _, consumer, _, _, service = said.out.splitlines()
    assert consumer.split()[:3] == [stage.name, stage.topic, "8"]
    assert f"{busiest['partition']}: {busiest['next']} of {busiest['end']}" in consumer
    assert consumer.count(" of ") == sum(reading["behind"] > 0 for reading in behind)
    assert service.split()[:2] == ["rma", "8"]
    assert (await polyplus("lag", "--partitions")).out.count(" of ") == len(behind)
    [standing] = (await polyplus("lag", "--json")).json()["services"]
    assert 0 <= standing["oldest_seconds"] < 60


async def test_what_needs_somebody_to_look_is_marked_and_told_by_the_exit_code(polyplus: Cli, stage: Stage) -> None:
    tell(polyplus, stage)
    assert (await polyplus("lag", "--max", "0", "--max-age", "0")).code == 0
    id = uuid4()
    async with stage.database.pool.acquire() as connection:
        await connection.execute("INSERT INTO timers VALUES ('Thing', $1, 'ring', app_now() - interval '90 s')", id)
        sql = "INSERT INTO jobs (id, aggregate, aggregate_id, kind, reference, payload, last_error) VALUES ($1, '', $1, '', '', '{}', 'x')"
        await connection.execute(sql, id)
    late = await polyplus("lag", "--json")
    [standing] = late.json()["services"]
    assert (late.code, standing["timers_due"], standing["calls_failing"]) == (1, 1, 1)
    assert 90 <= standing["timers_late_seconds"] < 180
    assert (await polyplus("lag", "--max-age", "600")).code == 0
    async with stage.database.pool.acquire() as connection:
        await connection.execute("DELETE FROM timers")
        await connection.execute("INSERT INTO parked_keys VALUES ('rma', 'cases.events', $1)", id)
    parked = await polyplus("lag")
    assert parked.code == 1
    assert parked.out.splitlines()[-1].startswith("! rma")
    assert parked.out.split()[-1] == "1"


async def test_what_is_out_of_reach_is_named_and_the_rest_is_shown(polyplus: Cli, stage: Stage) -> None:
    tell(polyplus, stage, ONSITE_DATABASE_URL="postgres://127.0.0.1:9/polyplus_onsite")
    found = await polyplus("lag", "--json")
    assert found.code == 2
    assert [each["service"] for each in found.json()["services"]] == ["rma"]
    assert json.loads(found.err)["trouble"].startswith("onsite's database does not answer: ")
    assert found.err.count("\n") == 1


async def test_a_database_that_was_never_migrated_is_named_too(polyplus: Cli, stage: Stage, postgres_url: str) -> None:
    _, empty = await create_service_database(postgres_url, f"empty_{stage.name}")
    tell(polyplus, stage, ONSITE_DATABASE_URL=empty)
    found = await polyplus("lag")
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert 'onsite\'s database does not answer: relation "consumer_offsets" does not exist' in found.err


async def test_a_topic_that_is_missing_and_a_setting_that_is_missing_are_named(polyplus: Cli, stage: Stage) -> None:
    async with stage.database.pool.acquire() as connection:
        await connection.execute("INSERT INTO consumer_offsets VALUES ('rma', 'a.topic.nobody.made', 0, 5)")
    tell(polyplus, stage)
    [reading] = (await polyplus("lag", "--json")).json()["consumers"]
    assert (reading["end"], reading["behind"]) == (None, 0)
    assert "0: 5 of none such" in (await polyplus("lag")).out
    polyplus.knows(RMA_DATABASE_URL=stage.url)
    unknown = await polyplus("lag")
    assert (unknown.code, unknown.err.count("\n")) == (2, 1)
    assert "POLYPLUS_KAFKA_BOOTSTRAP" in unknown.err

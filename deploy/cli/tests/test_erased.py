"""The proof of an erasure, on the real engines: it finds what is there, and is clean where the id alone is left."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from deploy.cli.erased import Search
from deploy.cli.tests.conftest import Cli
from deploy.local.kafka import KafkaLogin
from libs.bus.tests.stage import WORKER, Stage, make_state_topic, running, some, until

NAME = 'Nguyễn "Văn" An'


@pytest.fixture
async def told(polyplus: Cli, stage: Stage, kafka_login: KafkaLogin, monkeypatch: pytest.MonkeyPatch) -> str:
    """The stage is one of the services, with a state topic of its own."""
    topic = await make_state_topic(stage, kafka_login)
    monkeypatch.setattr("deploy.services.STATE_TOPICS", (topic,))
    monkeypatch.setattr("deploy.topics.PUBLISHERS", ("rma",))
    login = {
        f"{who}_KAFKA_{what}": getattr(stage.kafka, what.lower()) for who in ("RMA",) for what in ("USER", "PASSWORD")
    }
    polyplus.knows(RMA_DATABASE_URL=stage.url, KAFKA_BOOTSTRAP=stage.kafka.bootstrap, **login)
    return topic


async def put(stage: Stage, sql: str, *values: object) -> None:
    async with stage.database.pool.acquire() as connection:
        await connection.execute(sql, *values)


async def places(polyplus: Cli, *asked: str) -> tuple[int, set[str]]:
    found = await polyplus("erased", *asked, "--json")
    assert found.err == "", found.err
    return found.code, {hit["place"].partition(" ")[0] for hit in found.json()["hits"]}


async def test_an_id_alone_is_clean_and_a_name_beside_it_is_not(polyplus: Cli, stage: Stage, told: str) -> None:
    [id] = some(1)
    body = f'{{"id": "{id}", "name": null, "case": {{"reporter_name": "Bích"}}}}'
    insert = "INSERT INTO idempotency_keys VALUES ('p', 'r', $1, 'h', 200, '{}', $2)"
    await put(stage, insert, "clean", body.encode())
    assert await places(polyplus, str(id)) == (0, set())

    await put(stage, insert, "named", body.replace("null", '"An"').encode())
    assert await places(polyplus, str(id)) == (1, {"rma.idempotency_keys"})
    assert await places(polyplus, str(uuid4())) == (0, set())


async def test_a_record_of_a_state_topic_is_found_until_it_is_off_the_log(
    polyplus: Cli, stage: Stage, told: str
) -> None:
    [id] = some(1)
    async with stage.database.transaction(WORKER) as tx:
        stage.tell(tx, id, "An")

    async def sent() -> bool:
        return bool((await polyplus("erased", str(id), "--json")).json()["records"])

    async with running(stage.relay(state_topics=frozenset({told})).run):
        await until(sent, "it is on the topic")
    secret = polyplus.home / "known.txt"
    secret.write_text("nobody\n\nAn\n")
    found = await polyplus("erased", "--look-for", str(secret), "--json")
    hits = {(hit["place"].partition("/")[0], hit["what"]) for hit in found.json()["hits"]}
    assert {(told, "line 3"), ("rma.states", "line 3")} <= hits


def seen(content: dict[str, object], id: str) -> list[str]:
    search = Search(id, {})
    search.row("x", "", content)
    return [hit.what for hit in search.hits]


def test_what_counts_as_beside_the_id() -> None:
    id = str(uuid4())
    assert seen({"id": id, "name": "An", "email": None, "phone": ""}, id) == ["name"]
    assert seen({"contact_id": id, "reporter_name": "An", "assignee_name": "Lê"}, id) == ["reporter_name"]
    assert seen({"contact": {"contact_id": id}, "received_by": "An"}, id) == ["received_by"]
    assert seen({"by": f"customer:{id}", "author_name": "An"}, id) == ["author_name"]
    assert seen({"key": id, "data": "\\x" + b'{"name": "An"}'.hex()}, id) == ["name"]
    assert seen({"people": [{"contact_id": id, "name": None}, {"name": "Lê"}]}, id) == []
    assert seen({"id": str(uuid4()), "name": "Lê"}, id) == []


@pytest.mark.parametrize("kept", [NAME, "An\\Bích"])
async def test_a_text_is_found_in_columns_json_and_bodies(polyplus: Cli, stage: Stage, told: str, kept: str) -> None:
    secret = polyplus.home / "known.txt"
    secret.write_text(f"{kept}\n")
    insert = "INSERT INTO jobs (id, aggregate, aggregate_id, kind, reference, payload, last_error) VALUES ($1, '', $1, '', $2, $3, $4)"
    for n, (payload, error) in enumerate(((json.dumps({"to": kept}), ""), ("{}", kept), ("{}", ""))):
        await put(stage, "DELETE FROM jobs")
        await put(stage, insert, uuid4(), str(n), payload, error)
        found = await polyplus("erased", "--look-for", str(secret), "--json")
        assert [(hit["place"], hit["what"]) for hit in found.json()["hits"]] == [("rma.jobs", "line 1")] * (n < 2)
        assert kept not in found.out

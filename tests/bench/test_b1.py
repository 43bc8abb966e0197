"""B1's rivals do equal work: the same rows, the same events, the same answer, once for a key."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from libs.kit.auth import Verifier
from libs.store import Database
from services.cases.app import service
from tests.bench.engines import Engines
from tests.bench.intake import KEYS, PATH, bodies, filled_database, orm_peer
from tests.bench.load import Job, drive
from tests.support.serving import serving

_ROWS = 40
_OWN = {
    "id",
    "number",
    "opened_at",
    "updated_at",
    "epoch_began_at",
    "at",
    "case_id",
    "routed_at",
    "event_id",
    "key",
    "subject",
    "created_at",
    "xid",
    "traceparent",
    "time",
}


@pytest.fixture(scope="module")
def engines(postgres_url: str) -> Iterator[Engines]:
    with Engines(postgres_url) as started:
        yield started


def without_its_own(value: Any) -> Any:
    """What has to be the same: all but ids, numbers and times."""
    match value:
        case dict():
            return {key: without_its_own(each) for key, each in value.items() if key not in _OWN}
        case list():
            return [without_its_own(each) for each in value]
    return value


async def rows(owner_url: str) -> dict[str, list[Any]]:
    """What the requests wrote, by table, in order."""
    owner = await asyncpg.connect(owner_url)
    try:
        await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
        found = {
            "cases": "SELECT to_jsonb(t) AS row FROM cases t WHERE number LIKE 'CASE-2%' AND opened_by LIKE '%2222%' ORDER BY number",
            "outbox": "SELECT to_jsonb(t) - 'data' || jsonb_build_object('data', convert_from(data, 'UTF8')::jsonb) AS row "
            f"FROM outbox t WHERE id > {_ROWS} ORDER BY id",
            "idempotency_keys": "SELECT to_jsonb(t) - 'body' AS row FROM idempotency_keys t WHERE principal <> 'somebody'",
        }
        return {table: [json.loads(r["row"]) for r in await owner.fetch(sql)] for table, sql in found.items()}
    finally:
        await owner.close()


async def ask(url: str, body: str, key: str) -> httpx.Response:
    headers = {"authorization": f"Bearer {KEYS.token()}", "idempotency-key": key, "content-type": "application/json"}
    async with httpx.AsyncClient() as http:
        return await http.post(url + PATH, content=body, headers=headers)


async def test_the_peer_answers_writes_and_repeats_what_the_service_does(engines: Engines) -> None:
    ours, theirs = (
        await filled_database(engines, "smoke_ours", _ROWS),
        await filled_database(engines, "smoke_orm", _ROWS),
    )
    database = await Database.connect(ours.runtime_url, size=4)
    app = service.app(database, Verifier(KEYS.private.public_key()))
    requests = bodies(3)
    async with (
        serving(app) as served,
        orm_peer(engines, "smoke-orm", theirs.runtime_url, python=sys.executable) as peer,
    ):
        answers = {}
        for url in (served.url, peer):
            first = [await ask(url, body, str(n)) for n, body in enumerate(requests)]
            again = await ask(url, requests[1], "1")
            other = await ask(url, requests[2], "1")
            assert [answer.status_code for answer in first] == [201, 201, 201]
            assert (again.content, again.headers["idempotent-replayed"]) == (first[1].content, "true")
            assert other.status_code == 422
            answers[url] = [answer.json() for answer in first]
        assert without_its_own(answers[peer]) == without_its_own(answers[served.url])

        load = await drive(
            Job(served.url + PATH, 0.5, connections=4, rate=20, headers={"authorization": f"Bearer {KEYS.token()}"}, bodies=bodies(5))
        )  # fmt: skip
        assert load.statuses == {"201": 10}
    await database.close()

    our_rows, their_rows = await rows(ours.owner_url), await rows(theirs.owner_url)
    kept = {table: found[: len(their_rows[table])] for table, found in our_rows.items()}
    assert {table: len(found) for table, found in their_rows.items()} == {
        "cases": 3,
        "outbox": 6,
        "idempotency_keys": 3,
    }
    for table in ("cases", "outbox"):
        assert without_its_own(kept[table]) == without_its_own(their_rows[table])

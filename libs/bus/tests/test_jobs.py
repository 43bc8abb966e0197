"""Calls to the outside: nobody waits for another's slow receiver, an outcome is recorded once, and a call is made no more often than it may."""

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.bus import GiveUp, JobRun, Jobs
from libs.bus import jobs as module
from libs.bus.backlog import backlog
from libs.bus.jobs import ALARM_TRIES, TryLater, pause
from libs.bus.tests.receiver import Receiver
from libs.bus.tests.stage import WORKER, Stage, Thing, running, some, until
from libs.store import Transaction
from libs.store.ids import new_id


@dataclass
class Said:
    """What became of the jobs, as the handlers were told."""

    done: list[UUID] = field(default_factory=list)
    failed: list[tuple[UUID, str]] = field(default_factory=list)

    async def note_done(self, thing: Thing, _result: dict[str, Any], _tx: Transaction) -> None:
        self.done.append(thing.id)

    async def note_failed(self, thing: Thing, reason: str, _tx: Transaction) -> None:
        self.failed.append((thing.id, reason))


async def _fetch(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
    answer = (await http.get(run.payload["url"])).raise_for_status()
    return {"status": answer.status_code}


async def _start(
    stage: Stage, kind: str, payload: dict[str, Any], *, destination: str = "there", count: int = 1
) -> list[UUID]:
    things = some(count)
    async with stage.database.transaction(WORKER) as tx:
        for id in things:
            tx.start_job(tx.add(Thing(id=id)), kind, payload, destination=destination)
    return things


async def _as_owner(stage: Stage, *statements: str) -> None:
    owner = await asyncpg.connect(stage.owner_url)
    try:
        for statement in statements:
            await owner.execute(statement)
    finally:
        await owner.close()


async def _make_due(stage: Stage) -> None:
    await stage.fetchval("UPDATE jobs SET due_at = clock_timestamp()")


async def _none_left(stage: Stage) -> bool:
    return bool(await stage.fetchval("SELECT count(*) = 0 FROM jobs"))


async def test_a_slow_destination_delays_no_other_and_has_no_more_than_its_share(
    stage: Stage, receiver: Receiver
) -> None:
    said, jobs = Said(), Jobs("test", in_flight=4, timeout=30)
    jobs.on(Thing, "fetch", call=_fetch, done=said.note_done, failed=said.note_failed)
    slow = await _start(stage, "fetch", {"url": f"{receiver.url}/slow"}, destination="slow", count=12)
    healthy = await _start(stage, "fetch", {"url": f"{receiver.url}/ok"}, destination="healthy", count=60)
    async with running(lambda stop: jobs.run(stage.database, stop)):

        async def the_healthy_are_done() -> bool:
            return set(healthy) <= set(said.done)

        await until(the_healthy_are_done, "those to the healthy destination are done")
        assert not set(slow) & set(said.done)
        assert receiver.most["/slow"] <= 4
        receiver.release.set()
        await until(lambda: _none_left(stage), "the slow ones follow")
    assert Counter(said.done) == Counter(slow + healthy)
    assert receiver.calls == {"/slow": 12, "/ok": 60}


async def test_who_is_told_to_end_waits_for_the_call_under_way_and_records_it(stage: Stage, receiver: Receiver) -> None:
    said, jobs = Said(), Jobs("test", timeout=30)
    jobs.on(Thing, "fetch", call=_fetch, done=said.note_done, failed=said.note_failed)
    [thing] = await _start(stage, "fetch", {"url": f"{receiver.url}/slow"})
    stop = asyncio.Event()
    working = asyncio.create_task(jobs.run(stage.database, stop))

    async def under_way() -> bool:
        return receiver.under_way["/slow"] == 1

    await until(under_way, "the call is under way")
    stop.set()
    receiver.release.set()
    await asyncio.wait_for(working, 20)
    assert said.done == [thing]
    assert await _none_left(stage)


@pytest.mark.parametrize("how", ["done", "failed"])
async def test_an_outcome_that_cannot_be_recorded_is_kept_and_the_call_is_not_made_again(
    stage: Stage, receiver: Receiver, how: str
) -> None:
    refusals, recorded = 3, list[UUID]()

    async def call(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
        answer = await _fetch(run, http)
        if how == "failed":
            raise GiveUp("refused")
        return answer

    async def record(thing: Thing, told: Any, tx: Transaction) -> None:
        nonlocal refusals
        assert told == ({"status": 200} if how == "done" else "refused")
        if refusals:
            refusals -= 1
            raise RuntimeError("not now")
        recorded.append(thing.id)

    jobs = Jobs("test")
    jobs.on(Thing, "call", call=call, done=record, failed=record)
    [thing] = await _start(stage, "call", {"url": f"{receiver.url}/ok"})
    async with running(lambda stop: jobs.run(stage.database, stop)):
        await until(lambda: _none_left(stage), "the outcome is recorded after all")
    assert recorded == [thing]
    assert receiver.calls["/ok"] == 1


async def test_an_outcome_that_was_not_recorded_ten_times_raises_the_alarm_and_stays(stage: Stage) -> None:
    async def call(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
        raise AssertionError("its outcome is known")

    async def never(thing: Thing, told: Any, tx: Transaction) -> None:
        raise RuntimeError("not now")

    jobs = Jobs("test")
    jobs.on(Thing, "call", call=call, done=never, failed=never)
    await _start(stage, "call", {})
    await stage.fetchval("UPDATE jobs SET outcome = '{\"done\": {}}', recordings = $1", ALARM_TRIES - 2)
    seen = []
    async with jobs.client() as http:
        for _ in range(2):
            await _make_due(stage)
            await jobs.run_due(stage.database, http)
            async with stage.database.pool.acquire() as connection:
                seen.append((await backlog(connection)).jobs_unrecorded)
    assert seen == [0, 1]
    longest = await stage.fetchval("SELECT extract(epoch FROM due_at - clock_timestamp())::float8 FROM jobs")
    assert 40 < longest < 72


async def test_an_outcome_outlives_a_database_that_is_away(stage: Stage, receiver: Receiver) -> None:
    said, jobs = Said(), Jobs("test", timeout=30)
    jobs.on(Thing, "fetch", call=_fetch, done=said.note_done, failed=said.note_failed)
    [thing] = await _start(stage, "fetch", {"url": f"{receiver.url}/slow"})
    async with running(lambda stop: jobs.run(stage.database, stop)):

        async def under_way() -> bool:
            return receiver.under_way["/slow"] == 1

        await until(under_way, "the call is under way")
        await _as_owner(stage, "ALTER TABLE jobs RENAME TO jobs_out_of_reach")
        receiver.release.set()

        async def answered() -> bool:
            return receiver.under_way["/slow"] == 0

        await until(answered, "the answer is there, and nowhere to keep it")
        await _as_owner(
            stage,
            "UPDATE jobs_out_of_reach SET due_at = clock_timestamp()",  # as if its lease were over
            "ALTER TABLE jobs_out_of_reach RENAME TO jobs",
        )
        await until(lambda: _none_left(stage), "it is recorded once the database is back")
    assert said.done == [thing]
    assert receiver.calls["/slow"] == 1


@pytest.mark.parametrize("told", [{"number": "a\0b"}, {"number": "\ud800"}, {"number": "x" * 100_000}])
async def test_an_outcome_that_a_row_can_hardly_hold_is_kept_all_the_same(stage: Stage, told: dict[str, str]) -> None:
    seen = []

    async def call(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
        return told

    async def done(thing: Thing, result: dict[str, Any], tx: Transaction) -> None:
        seen.append(result)
        if len(seen) == 1:
            raise RuntimeError("\0 not now")

    jobs = Jobs("test")
    jobs.on(Thing, "call", call=call, done=done, failed=Said().note_failed)
    await _start(stage, "call", {})
    async with running(lambda stop: jobs.run(stage.database, stop)):
        await until(lambda: _none_left(stage), "it is recorded")
    assert seen == [told, told]


@pytest.mark.parametrize("when", ["before the call", "during the call"])
async def test_a_job_ends_with_its_aggregate(stage: Stage, receiver: Receiver, when: str) -> None:
    said, jobs = Said(), Jobs("test")

    async def call(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
        answer = await _fetch(run, http)
        await stage.fetchval("DELETE FROM things WHERE id = $1", run.aggregate_id)
        return answer

    jobs.on(Thing, "call", call=call, done=said.note_done, failed=said.note_failed)
    [thing] = await _start(stage, "call", {"url": f"{receiver.url}/ok"})
    if when == "before the call":
        await stage.fetchval("DELETE FROM things WHERE id = $1", thing)
    async with jobs.client() as http:
        await jobs.run_due(stage.database, http)
    assert await _none_left(stage)
    assert (said.done, said.failed) == ([], [])
    assert receiver.calls["/ok"] == (0 if when == "before the call" else 1)


async def test_retry_after_is_obeyed_in_both_its_forms() -> None:
    def refusal(said: str) -> httpx.HTTPStatusError:
        request = httpx.Request("GET", "http://there/")
        answer = httpx.Response(503, headers=httpx.Headers([("retry-after", said)], encoding="utf-8"), request=request)
        return httpx.HTTPStatusError("", request=request, response=answer)

    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=120), usegmt=True)
    assert pause(1, refusal("90")) == 90
    assert 110 < pause(1, refusal(soon)) <= 120
    assert pause(1, TryLater("busy", 300)) == 300
    assert pause(1, refusal("999999999999")) == 3600
    for nonsense in ("", "-5", "soon", "²", "1e9", "Wed, 99 Foo 2026", "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"):
        assert pause(1, refusal(nonsense)) < 0.25
    assert pause(12, refusal("1")) > 45


@given(st.integers(1, 10**6))
def test_the_pauses_double_to_a_minute_and_are_spread(attempt: int) -> None:
    about = min(60.0, 0.1 * 2 ** min(attempt, 12))
    assert 0.8 * about <= pause(attempt) <= 1.2 * about


async def test_a_claim_costs_no_more_with_a_long_table(stage: Stage) -> None:
    jobs = Jobs("test")
    await _start(stage, "call", {}, destination="d1", count=5)
    alone = await _blocks_of_a_claim(stage, jobs)
    fill = """
        INSERT INTO jobs (id, aggregate, aggregate_id, kind, reference, payload, destination, due_at)
        SELECT gen_random_uuid(), 'Thing', gen_random_uuid(), 'call', n::text, '{}', 'd' || n % 4,
               clock_timestamp() + CASE WHEN n % 4 = 3 THEN interval '1 day' ELSE interval '0' END FROM generate_series(1, 20000) n
    """
    await stage.fetchval(fill)
    crowded = await _blocks_of_a_claim(stage, jobs)
    assert crowded < alone + 350  # a clock that bounds no index: 500 more


async def _blocks_of_a_claim(stage: Stage, jobs: Jobs) -> int:
    """The blocks that a claim looks at, planned as the pool plans, with one destination full."""
    async with stage.database.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        explained = await connection.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {module._CLAIM}", 8, ["d0"], [8], [new_id()]
        )
        await transaction.rollback()
    plan = json.loads(explained)[0]["Plan"]
    assert "Seq Scan" not in {node["Node Type"] for node in _nodes(plan) if node.get("Relation Name") == "jobs"}, plan
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in _nodes(child))]


# --- a model: what may become of one job ---------------------------------------------------------------------------


class Crash(BaseException):
    """The process dies: nothing is recorded."""


_CALLS = st.lists(st.sampled_from(["ok", "fails", "refused", "crash"]), max_size=8)
_ATTEMPTS = 4


@dataclass
class Model:
    """What has to become of a job whose calls go so, and of whose recordings so many fail."""

    script: list[str]

    def expect(self) -> tuple[int, str]:
        """How many calls there are, and what is recorded at the end."""
        for number, step in enumerate(self.script, start=1):
            if step == "ok":
                return number, "done"
            if step == "refused" or (step == "fails" and number >= _ATTEMPTS):
                return number, "failed"
        return len(self.script) + 1, "done"  # when the script is over, calls succeed


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_each_job_is_recorded_once_and_called_no_more_often_than_it_may(
    stage: Stage, data: st.DataObject
) -> None:
    plans = data.draw(st.lists(st.tuples(_CALLS, st.integers(0, 3)), min_size=1, max_size=6))
    things = some(len(plans))
    script = {id: list(calls) for id, (calls, _) in zip(things, plans, strict=True)}
    lost = {id: count for id, (_, count) in zip(things, plans, strict=True)}
    called, recorded = Counter[UUID](), list[tuple[UUID, str]]()

    async def call(run: JobRun, http: httpx.AsyncClient) -> dict[str, Any]:
        called[run.aggregate_id] += 1
        steps = script[run.aggregate_id]
        match steps.pop(0) if steps else "ok":
            case "fails":
                raise ConnectionError("no answer")
            case "refused":
                raise GiveUp("no")
            case "crash":
                raise Crash
        return {}

    def recorder(what: str) -> Any:
        async def record(thing: Thing, told: Any, tx: Transaction) -> None:
            if lost[thing.id]:
                lost[thing.id] -= 1
                raise RuntimeError("not now")
            recorded.append((thing.id, what))

        return record

    jobs = Jobs("test", in_flight=1)  # so that a crash takes one call with it
    jobs.on(Thing, "call", call=call, done=recorder("done"), failed=recorder("failed"), attempts=_ATTEMPTS)
    async with stage.database.transaction(WORKER) as tx:
        for id in things:
            tx.start_job(tx.add(Thing(id=id)), "call", destination="there")
    async with jobs.client() as http:
        for _ in range(300):
            if await _none_left(stage):
                break
            await _make_due(stage)
            await asyncio.gather(jobs.run_due(stage.database, http), return_exceptions=True)
    expected = {id: Model(list(calls)).expect() for id, (calls, _) in zip(things, plans, strict=True)}
    assert dict(called) == {id: calls for id, (calls, _) in expected.items()}
    assert sorted(recorded) == sorted((id, what) for id, (_, what) in expected.items())

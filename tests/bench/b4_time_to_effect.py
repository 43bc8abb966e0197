"""B4: a request that changes something: its answer, its event acknowledged by Kafka, its effect in the next service.

B4 at 200 a second and at a fifth of that; B4b at an eighth of what B1 has found that this machine can take.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Literal

import asyncpg

from deploy import topics
from deploy.local import environment
from deploy.local.kafka import KafkaLogin
from deploy.local.members import member
from deploy.local.waiting import until_async
from tests.bench import b1_post_a_case
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.intake import KEYS, own_url, posting, serving
from tests.bench.load import Load, drive
from tests.bench.results import measured
from tests.bench.shared import Shared
from tests.bench.watch import Seen, Watch

RATE, FIFTH = 200.0, 40.0  # the bar's, and what is left of it on a machine a fifth as fast as the one it was set on
SHARE = 8  # of B1's throughput: so little that nobody waits for another
ANSWERED, ACKNOWLEDGED, EFFECT = "HTTP response", "acknowledged by Kafka", "committed in the next service"
_OPENED, _TOPIC = "polyplus.cases.case-opened", "cases.events"
_PATIENCE = 60


@dataclass
class Place:
    """cases and rma as `make run` runs them: a process each, API and worker together."""

    cases: str
    login: KafkaLogin
    cases_database: str
    rma_database: str


@asynccontextmanager
async def cases_and_rma(engines: Engines) -> AsyncIterator[Place]:
    postgres = engines.postgres(track_commit_timestamp="on")
    known = environment.with_credentials({"POLYPLUS_SANDBOX": "0"})
    known["POLYPLUS_INTERNAL_PUBLIC_KEY"] = KEYS.public_text
    login = engines.kafka()
    known["POLYPLUS_KAFKA_BOOTSTRAP"] = login.bootstrap
    topics.prepare(topics.admin_client(*login), environment.kafka_passwords(known))
    owners = {}
    async with AsyncExitStack() as stack:
        for name in ("carrier", "cases", "rma"):
            known[f"POLYPLUS_{name.upper()}_URL"] = own_url()
        for name in ("cases", "rma"):
            made = await engines.service_database(name, "b4", at=postgres)
            known[f"POLYPLUS_{name.upper()}_DATABASE_URL"], owners[name] = made.runtime_url, made.owner_url
            planned = member(name, known)
            await stack.enter_async_context(
                serving(engines, f"b4-{name}", list(planned.argv), planned.env, planned.url)
            )
        yield Place(known["POLYPLUS_CASES_URL"], login, owners["cases"], owners["rma"])


_place = Shared(cases_and_rma)


async def _fetch(url: str, query: str, *args: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query, *args))
    finally:
        await connection.close()


async def _posted(place: Place, seconds: float, rate: float) -> tuple[Load, dict[str, Seen]]:
    """The load, and the event of each new case by the Idempotency-Key of its request."""
    with Watch(place.login, [_TOPIC]) as watch:
        load = await drive(posting(place.cases, KEYS.token(), seconds, rate=rate))
        made = await _fetch(
            place.cases_database,
            "SELECT key, convert_from(body, 'UTF8')::json ->> 'id' AS id FROM idempotency_keys WHERE key = ANY($1)",
            list(load.begun),
        )

        def opened() -> dict[str, Seen]:
            return {seen.key: seen for seen in list(watch.seen) if seen.type == _OPENED}

        await until_async(
            lambda: opened().keys() >= {row["id"] for row in made}, seconds=_PATIENCE, otherwise="no event"
        )
    by_case = opened()
    return load, {row["key"]: by_case[row["id"]] for row in made}


async def _committed(place: Place, events: dict[str, Seen]) -> dict[str, float]:
    """When rma had committed what it made of each event, by the event's id."""
    query = (
        "SELECT event_id::text AS id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8 AS at FROM inbox "
        "WHERE event_id = ANY($1::text[]::uuid[])"
    )
    found: dict[str, float] = {}

    async def all_there() -> bool:
        rows = await _fetch(place.rma_database, query, [seen.event_id for seen in events.values()])
        found.update({row["id"]: row["at"] for row in rows})
        return len(found) == len(events)

    await until_async(all_there, seconds=_PATIENCE, otherwise="rma has not handled every event")
    return found


@asynccontextmanager
async def until(
    engines: Engines, *, what: Literal["answer", "acknowledgement", "effect"], rate: float | None = RATE
) -> AsyncIterator[Measure]:
    """Without a `rate`: at B4b's."""
    if rate is None:
        whole = measured("B1", b1_post_a_case.OURS)
        rate = whole / SHARE
        engines.notes["load"] = f"{rate:.0f}/s, an eighth of B1's {whole:.0f}/s"
    async with _place.of(engines) as place:

        async def measure(seconds: float) -> float:
            """Milliseconds, p50."""
            load, events = await _posted(place, seconds, rate)
            if what == "answer":
                return load.percentile(0.5) * 1000
            if what == "acknowledgement":
                ends = {key: seen.at for key, seen in events.items()}
            else:
                committed = await _committed(place, events)
                ends = {key: committed[seen.event_id] for key, seen in events.items()}
            return median(end - load.begun[key] for key, end in ends.items()) * 1000

        yield measure


BENCHES = [
    Bench(
        "B4",
        f"POST a case at {RATE:.0f} a second: from the request to its event in Kafka, p50",
        "ms",
        [
            Variant(ANSWERED, "route", partial(until, what="answer")),
            Variant(ACKNOWLEDGED, "ours", partial(until, what="acknowledgement")),
            Variant(f"{ANSWERED}, {FIFTH:.0f}/s", "route", partial(until, what="answer", rate=FIFTH)),
            Variant(f"{ACKNOWLEDGED}, {FIFTH:.0f}/s", "ours", partial(until, what="acknowledgement", rate=FIFTH)),
        ],
        [
            Bar(
                f"{ACKNOWLEDGED}, {FIFTH:.0f}/s",
                f"{ANSWERED}, {FIFTH:.0f}/s",
                2.0,
                1.6,
                f"request → a consumer has the event vs → response, {FIFTH:.0f}/s",
                less_is_better=True,
            )
        ],
    ),
    Bench(
        "B4b",
        "POST a case at an eighth of B1's throughput: from the request to its effect in the next service, p50",
        "ms",
        [
            Variant(ANSWERED, "route", partial(until, what="answer", rate=None)),
            Variant(EFFECT, "ours", partial(until, what="effect", rate=None)),
        ],
        [Bar(EFFECT, ANSWERED, 2.2, 1.7, "request → committed by rma vs → response", less_is_better=True)],
    ),
]

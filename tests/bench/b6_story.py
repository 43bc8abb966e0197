"""B6: the part of the story that waits for no timer: what one costs, and how long it takes, on one machine with everything running.

What a machine can take of stories is told in what it can take of POSTs to B1's rival. At one story a second nothing waits for anything: the
median from a request to its last effect is taken there first, and stays what later figures are compared with; then the rate is raised in steps.

Told by customer and engineer through the gateway: the unit is registered, the case opened, taken over, answered, the fault diagnosed; so
coverage is decided, clocks run and are met, the replacement is requested, authorised and reserved, its label bought from the carrier.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from statistics import median
from typing import Any
from uuid import uuid4

import httpx

from deploy.local import demo
from deploy.local.kafka import KafkaLogin
from deploy.local.sandbox import Sandbox, sandbox
from deploy.local.stack import Stack
from deploy.local.story.people import Person
from deploy.topics import PUBLISHERS
from tests.bench.b1_post_a_case import ORM, orm_throughput
from tests.bench.b7_stream import percentile
from tests.bench.bench import WARM_UP_SECONDS, Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.shared import Shared
from tests.bench.watch import Seen, Watch
from tests.support.ports import free_ports

CALM = 1.0  # stories a second
RATES = (CALM, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0)
LATE = 5  # times the calm median
STORIES, EFFECT, ANSWER = "stories", "request → last effect", "POST a case → response"
_PRODUCT, _PART = "8L531AA", "CAM-X70-01"
_SITE, _DEPOT = "Trụ sở chính, Quận 1", "SGN"
_PATIENCE = 60
_CALM_SECONDS = 15.0
Asked = dict[tuple[str, str], float]
"""When the request was sent that is the cause of this event: by the event's type and key."""


@dataclass
class Teller:
    """Tells stories through the public API."""

    people: Mapping[str, Person]
    site: str
    """Its id."""
    asked: Asked = field(default_factory=dict)
    answers: list[float] = field(default_factory=list)
    """Seconds that each POST of a case took."""
    cases: list[str] = field(default_factory=list)

    async def tell(self) -> None:
        customer, engineer = self.people["customer"], self.people["engineer"]
        serial = f"8L2{uuid4().hex[:11].upper()}"
        unit = {"product_number": _PRODUCT, "serial": serial, "site_id": self.site}
        await self._ask("entitlements.product-registered", customer, "/v1/registrations", unit)
        began = time.time()
        opened = await self._ask("cases.case-opened", customer, "/v1/cases", _request(serial, self.site))
        self.answers.append(time.time() - began)
        self.cases.append(opened["id"])
        case = f"/v1/cases/{opened['id']}"
        await self._ask("cases.case-assigned", engineer, f"{case}/assign", {}, opened["id"])
        note = {"text": "Tôi đã nhận yêu cầu.", "visibility": "public"}
        await self._ask("cases.note-added", engineer, f"{case}/notes", note, opened["id"])
        await self._ask("cases.fault-diagnosed", engineer, f"{case}/diagnoses", _DIAGNOSIS, opened["id"])

    async def _ask(self, event: str, who: Person, path: str, body: Mapping[str, Any], key: str | None = None) -> Any:
        began = time.time()
        answer = await who.post(path, body)
        self.asked[f"polyplus.{event}", key or answer["id"]] = began
        return answer


def _request(serial: str, site: str) -> dict[str, Any]:
    return {
        "description": "No picture from the camera.", "observed_impact": "degraded", "severity": "major", "language": "en",
        "product_number": _PRODUCT, "serial": serial, "site_id": site,
    }  # fmt: skip


_DIAGNOSIS = {
    "component": "camera module", "fault_code": "CAM-NO-SIGNAL", "domain": "hardware", "remedy": "replace_part",
    "part_number": _PART, "findings": "The camera does not answer on its bus.", "confidence": "high",
}  # fmt: skip


def last_effects(asked: Asked, seen: Sequence[Seen]) -> list[float]:
    """For each request, the seconds from its sending to the last event that came of it, over any number of services."""
    by_cause: dict[str, list[Seen]] = defaultdict(list)
    for each in seen:
        if each.cause:
            by_cause[each.cause].append(each)

    def last(of: Seen) -> float:
        return max([of.at, *(last(effect) for effect in by_cause[of.event_id])])

    roots = {(each.type, each.key): each for each in seen if not each.cause}
    return [last(roots[which]) - began for which, began in asked.items()]


@asynccontextmanager
async def _people(env: Mapping[str, str]) -> AsyncIterator[dict[str, Person]]:
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(timeout=30, trust_env=False, limits=limits) as http:
        people = {role: Person(role, env, http) for role in ("customer", "engineer", "admin")}
        for person in people.values():
            await person.token()
        yield people


@dataclass
class Place:
    """Everything running, with people to tell stories and the means to know that it is quiet."""

    login: KafkaLogin
    people: Mapping[str, Person]
    site: str
    box: Sandbox


@asynccontextmanager
async def _everything(engines: Engines) -> AsyncIterator[Place]:
    async with Stack(engines.home / "b6", environ=free_ports(), say=lambda _: None) as stack:
        ids = await demo.load(stack.env, lambda _: None)
        login = KafkaLogin(
            stack.env["POLYPLUS_KAFKA_BOOTSTRAP"], stack.env["POLYPLUS_KAFKA_OPS_USER"], stack.env["POLYPLUS_KAFKA_OPS_PASSWORD"]
        )  # fmt: skip
        async with _people(stack.env) as people, sandbox(stack.env) as box:
            stock = {"depot_id": ids["depots"][_DEPOT], "part_number": _PART, "quantity": 100_000}
            await people["admin"].post("/v1/stock/goods-in", stock)
            yield Place(login, people, ids["sites"][_SITE], box)


_place = Shared(_everything)


@dataclass
class Told:
    """What some stories took, in seconds."""

    effects: list[float]
    answers: list[float]


async def _told(place: Place, engines: Engines, seconds: float, rate: float) -> Told:
    teller = Teller(place.people, place.site)
    with Watch(place.login, [f"{service}.events" for service in PUBLISHERS]) as watch:
        await _paced(teller, math.ceil(seconds * rate), rate)
        await place.box.quiet(seconds=_PATIENCE)
        seen = list(watch.seen)
    _note(engines, teller, seen)
    return Told(last_effects(teller.asked, seen), teller.answers)


@asynccontextmanager
async def stories(engines: Engines) -> AsyncIterator[Measure]:
    async with _place.of(engines) as place:
        await _told(place, engines, WARM_UP_SECONDS, CALM)
        calm = median((await _told(place, engines, _CALM_SECONDS, CALM)).effects)
        engines.notes["calm"] = f"p50 {calm * 1000:.0f} ms at {CALM:.0f}/s"

        async def measure(seconds: float) -> float:
            """Stories a second: the last step at which the p99 stayed under LATE times the calm median."""
            steps: list[tuple[float, float]] = []
            for rate in RATES:
                late = percentile((await _told(place, engines, seconds, rate)).effects, 0.99)
                steps.append((rate, late))
                if late > LATE * calm:
                    break
            engines.notes["p99 by stories a second"] = ", ".join(f"{r:g}: {s * 1000:.0f} ms" for r, s in steps)
            return held(steps, LATE * calm)

        yield measure


def held(steps: Sequence[tuple[float, float]], bound: float) -> float:
    """The highest rate up to which each step's p99 stayed within the bound. Raises RuntimeError when not even the first did."""
    within = [rate for rate, _ in takewhile(lambda step: step[1] <= bound, steps)]
    if not within:
        raise RuntimeError(f"at {steps[0][0]:g} stories a second the p99 is {steps[0][1]:.2f} s, over {bound:.2f} s")
    return within[-1]


@asynccontextmanager
async def calm_effect(engines: Engines) -> AsyncIterator[Measure]:
    async with _place.of(engines) as place:

        async def measure(seconds: float) -> float:
            """Milliseconds, p50."""
            return median((await _told(place, engines, seconds, CALM)).effects) * 1000

        yield measure


@asynccontextmanager
async def calm_answer(engines: Engines) -> AsyncIterator[Measure]:
    async with _place.of(engines) as place:

        async def measure(seconds: float) -> float:
            """Milliseconds, p50."""
            return median((await _told(place, engines, seconds, CALM)).answers) * 1000

        yield measure


async def _paced(teller: Teller, count: int, rate: float) -> None:
    began = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for n in range(count):
            await asyncio.sleep(max(0.0, began + n / rate - time.monotonic()))
            group.create_task(teller.tell())


def _note(engines: Engines, teller: Teller, seen: Sequence[Seen]) -> None:
    told = set(teller.cases)
    types = Counter(each.type.removeprefix("polyplus.") for each in seen if each.key in told)
    each = {name: count / len(told) for name, count in sorted(types.items())}
    engines.notes["effects per story"] = f"{sum(each.values()):.1f} events"
    engines.notes["which"] = ", ".join(name if n == 1 else f"{name} × {n:.1f}" for name, n in each.items())
    engines.notes["requests per story"] = f"{len(teller.asked) / len(told):.0f}"


BENCHES = [
    Bench(
        "B6",
        "what a story costs on one machine, without its waits, in POSTs of B1's rival",
        "/s",
        [Variant(ORM, "peer", orm_throughput), Variant(STORIES, "ours", stories)],
        [
            Bar(
                ORM,
                STORIES,
                28,
                16,
                f"POSTs of the ORM stack vs stories whose last effect's p99 stays under {LATE}× the calm p50",
                less_is_better=True,
            )
        ],
        repetitions=3,  # each goes up all steps
    ),
    Bench(
        "B6-p50",
        "a story without load, 1 a second: from a request to its last effect, p50",
        "ms",
        [Variant(EFFECT, "ours", calm_effect), Variant(ANSWER, "route", calm_answer)],
        [
            Bar(
                EFFECT,
                ANSWER,
                12,
                8,
                "request through the gateway → the last event of it vs one POST",
                less_is_better=True,
            )
        ],
    ),
]

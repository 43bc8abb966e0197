"""B1: a request from its first byte to its answer: JWT, row-level security, validation, idempotency, state and outbox, one commit."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.intake import (
    KEYS,
    ROWS,
    cases_api,
    cases_without_database,
    filled_database,
    gateway,
    orm_peer,
    posting,
)
from tests.bench.load import drive
from tests.bench.shared import Shared

OURS, ORM = "Poly+", "FastAPI + SQLAlchemy ORM"
STRAIGHT, THROUGH = "straight to the service", "through the gateway"
_PACE = 100.0  # requests a second, so few that none waits for another


def _throughput(url: str, token: str | None = None) -> Measure:
    async def measure(seconds: float) -> float:
        return (await drive(posting(url, token or KEYS.token(), seconds))).rate

    return measure


def _p50(url: str, token: str | None = None) -> Measure:
    async def measure(seconds: float) -> float:
        return (await drive(posting(url, token or KEYS.token(), seconds, rate=_PACE))).percentile(0.5) * 1000

    return measure


@asynccontextmanager
async def _ours(engines: Engines, rows: int = ROWS) -> AsyncIterator[Measure]:
    name = f"b1_{rows}"
    database = await filled_database(engines, name, rows)
    async with cases_api(engines, name, database.runtime_url) as url:
        yield _throughput(url)


@asynccontextmanager
async def _ours_ten_times(engines: Engines) -> AsyncIterator[Measure]:
    async with _ours(engines, 10 * ROWS) as measure:
        yield measure


@asynccontextmanager
async def orm_throughput(engines: Engines) -> AsyncIterator[Measure]:
    """The rival's: POSTs a second."""
    database = await filled_database(engines, "b1_orm")
    async with orm_peer(engines, "b1-orm", database.runtime_url) as url:
        yield _throughput(url)


@asynccontextmanager
async def _publishing_peer(engines: Engines) -> AsyncIterator[Measure]:
    database = await filled_database(engines, "b1_publishing")
    async with orm_peer(engines, "b1-publishing", database.runtime_url, publishes=True) as url:
        yield _throughput(url)


@asynccontextmanager
async def _without_database(engines: Engines) -> AsyncIterator[Measure]:
    async with cases_without_database(engines) as url:
        yield _throughput(url)


@dataclass(frozen=True)
class Ways:
    """To one service's process, and a token for the gateway."""

    straight: str
    through: str
    token: str


def _ways(name: str) -> Shared[Ways]:
    @asynccontextmanager
    async def make(engines: Engines) -> AsyncIterator[Ways]:
        database = await filled_database(engines, name.replace("-", "_"))
        async with (
            cases_api(engines, name, database.runtime_url) as straight,
            gateway(engines, straight) as (through, token),
        ):
            yield Ways(straight, through, token)

    return Shared(make)


def _both_ways(name: str, measure: Callable[[str, str | None], Measure]) -> list[Variant]:
    """The same process is asked by either, or what is told apart is two processes."""
    ways = _ways(name)

    @asynccontextmanager
    async def straight(engines: Engines) -> AsyncIterator[Measure]:
        async with ways.of(engines) as way:
            yield measure(way.straight, None)

    @asynccontextmanager
    async def through(engines: Engines) -> AsyncIterator[Measure]:
        async with ways.of(engines) as way:
            yield measure(way.through, way.token)

    return [Variant(STRAIGHT, "limit", straight), Variant(THROUGH, "ours", through)]


BENCHES = [
    Bench(
        "B1", "POST a case, 16 connections", "/s",
        [
            Variant(OURS, "ours", _ours),
            Variant("Poly+, 10× the rows", "ours", _ours_ten_times),
            Variant(ORM, "peer", orm_throughput),
            Variant("the same, publishing, no outbox", "peer", _publishing_peer),
            Variant("Poly+ without a database", "limit", _without_database),
        ],
        [
            Bar(OURS, ORM, 3, 4.5, "POST a case vs FastAPI + SQLAlchemy ORM, the same guarantees"),
            Bar(OURS, "Poly+ without a database", 0.30, 0.40, "B1b: POST a case vs the same route without a database"),
            Bar("Poly+, 10× the rows", OURS, 0.90, 1.0, "10× the rows in the tables vs 1×"),
        ],
    ),
    Bench(
        "B1c", "POST a case through the gateway, 16 connections", "/s",
        _both_ways("b1c", _throughput),
        [Bar(THROUGH, STRAIGHT, 0.60, 0.80, "throughput kept through the gateway")],
    ),
    Bench(
        "B1c-p50", "POST a case through the gateway, 100 a second, p50", "ms",
        _both_ways("b1c-p50", _p50),
        [Bar(THROUGH, STRAIGHT, 1.5, 0.7, "p50 that the gateway adds (abs)", less_is_better=True, difference=True)],
        repetitions=15,  # a difference of two figures several times as large
    ),
]  # fmt: skip

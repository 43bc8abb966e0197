"""B14: known errors among 5,000 and 50,000 problems: how many texts find theirs among the first five, and what a search costs.

The labelled set is services/cases/tests/symptoms: the known errors were written first, then the texts in two halves, then the glossary;
nothing is tuned on the second half. B14t compares the whole search with reading the rows that it ranks, unranked.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from statistics import median
from time import perf_counter

import asyncpg
import sqlalchemy as sa

from libs.store import Compiled, Database, Scope
from services.cases.model.problem import Problem
from services.cases.queries.likely_problems import Unit, likely, looked_for, looked_up
from services.cases.tests.symptoms import Asked, distractors, known_errors, texts, typed_otherwise, unit_of
from services.cases.tests.symptoms.measuring import fill, missed
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.shared import Shared

FEW, MANY = 5_000, 50_000
STAFF = Scope("staff")
SETS = {
    "all texts": texts(),
    "the first half": [each for each in texts() if each.half == "first"],
    "the second half": [each for each in texts() if each.half == "second"],
    "Vietnamese without diacritics": [each for each in typed_otherwise() if each.way == "without diacritics"],
    "Vietnamese typed in five ways": typed_otherwise(),
}
BARS = {FEW: (92.0, 95.0), MANY: (72.0, 80.0)}
_RANKED = looked_up([])
_UNRANKED = Compiled(
    sa.select(Problem.table).join_from(_RANKED.problem_id.table, Problem.table, Problem.c.id == _RANKED.problem_id)
)


@asynccontextmanager
async def _among(engines: Engines, number: int, bench: str = "b14") -> AsyncIterator[Database]:
    """The known errors, and so many other problems."""
    made = await engines.service_database("cases", f"{bench}_{number}")
    owner = await asyncpg.connect(made.owner_url)
    await fill(owner, [*distractors(number), *known_errors()])
    await owner.close()
    database = await Database.connect(made.runtime_url, size=1)
    yield database
    await database.close()


_SHARED = {number: Shared(partial(_among, number=number)) for number in BARS}
_TIMED = Shared(partial(_among, number=MANY, bench="b14t"))


@asynccontextmanager
async def _found(engines: Engines, number: int, asked: list[Asked]) -> AsyncIterator[Measure]:
    async with _SHARED[number].of(engines) as database:

        async def measure(_: float) -> float:
            """How many of a hundred texts find theirs."""
            return 100 * (1 - len(await missed(database, asked)) / len(asked))

        yield measure


@asynccontextmanager
async def _search(engines: Engines) -> AsyncIterator[Measure]:
    units = {each.key: Unit(*unit_of(each)) for each in known_errors()}
    async with _TIMED.of(engines) as database:

        async def measure(_: float) -> float:
            """ms, the median of all texts: words, counts, mistyped words, ranking, the five rows."""
            took = []
            for each in texts():
                async with database.transaction(STAFF) as tx:
                    began = perf_counter()
                    await likely(tx, each.text, units[each.key], published=True, limit=5)
                    took.append(perf_counter() - began)
            return median(took) * 1000

        yield measure


@asynccontextmanager
async def _read(engines: Engines) -> AsyncIterator[Measure]:
    units = {each.key: Unit(*unit_of(each)) for each in known_errors()}
    async with _TIMED.of(engines) as database:
        async with database.transaction(STAFF) as tx:
            sought = [await looked_for(each.text, units[each.key], tx) for each in texts()]

        async def measure(_: float) -> float:
            """ms, the median of all texts: the whole rows that are ranked, as records."""
            took, read = [], []
            for each in sought:
                async with database.transaction(STAFF) as tx:
                    began = perf_counter()
                    found = await tx.fetch(_UNRANKED, **each.rows, unpublished=False) if each else []
                    took.append(perf_counter() - began)
                    read.append(len(found))
            engines.notes["rows that are ranked, the median and the most"] = f"{median(read):,.0f}, {max(read):,}"
            return median(took) * 1000

        yield measure


def _name(number: int, name: str) -> str:
    return f"among {number:,}: {name}"


BENCHES = [
    Bench(
        "B14",
        "known errors: texts that find theirs among the first five",
        "%",
        [
            Variant(_name(number, name), "ours", partial(_found, number=number, asked=asked))
            for number in BARS
            for name, asked in SETS.items()
        ],
        [
            Bar(_name(number, name), None, least, aim, f"known errors found among {number:,}: {name}")
            for number, (least, aim) in BARS.items()
            for name in SETS
        ],
        repetitions=1,  # what is counted does not scatter
    ),
    Bench(
        "B14t",
        f"the search for known errors among {MANY:,}",
        "ms",
        [Variant("the whole search", "ours", _search), Variant("the rows that it ranks, read", "limit", _read)],
        [
            Bar(
                "the whole search",
                "the rows that it ranks, read",
                1.5,
                1.0,
                "the search for a known error vs reading the rows that it ranks",
                less_is_better=True,
            )
        ],
    ),
]

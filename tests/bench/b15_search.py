"""B15: a search over the words of a million cases: for staff and for an account with a 400th of them, by rare and by common words.

`BENCH_CASES=100000` makes fewer. A case has 52 words, drawn so that the nth of 20,000 is n times rarer than the first. What is measured is what
the route asks the database: which cases say it, and the first fifty of them by id.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from statistics import median
from time import perf_counter
from uuid import UUID

import asyncpg

from libs.kit.auth import Principal
from libs.kit.listing import listed
from libs.store import Database
from services.cases.model.case import Case
from services.cases.queries.access import visible_to
from services.cases.queries.case_list import CaseList
from services.cases.queries.case_search import search_for
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.shared import Shared
from tests.support.filling import fill, uid

CASES = int(os.environ.get("BENCH_CASES", "1000000"))
CALLERS = {
    "staff": Principal(UUID(int=1), "bench", "engineer"),
    "an account": Principal(UUID(int=2), "bench", "customer", frozenset({UUID(uid(7))})),
}
SEARCHES = {
    "a rare word": ["w19000 ", "w18500 ", "w19750 "],
    "a common word": ["w3 ", "w5 ", "w8 "],
    "three words": ["w20 w40 w60", "w9 w70 w300", "w100 w15 w33"],
    "a number": ["V407", f"V{CASES // 2 + 7}", f"V{CASES - 393}"],
}
LEAST, AIM = 150.0, 50.0
"""ms. Without the function a rare word takes staff 690 among a million."""
_FILL = """
INSERT INTO case_texts SELECT id, account_id, opened_at, spoken, spoken FROM cases, LATERAL (
    SELECT array_to_tsvector(array_agg('w' || power(20000, (abs(hashtextextended(number, each)) % 1000000) / 1000000.0)::int) || lower('#' || number))
      FROM generate_series(1, 52) AS each
) said (spoken)
"""


@asynccontextmanager
async def _filled(engines: Engines) -> AsyncIterator[Database]:
    made = await engines.service_database("cases", "b15")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false); SET synchronous_commit = off")
    await owner.execute("ALTER TABLE cases DISABLE TRIGGER USER")
    await fill("cases", made.owner_url, CASES, ["cases"])
    await owner.execute("ALTER TABLE cases ENABLE TRIGGER USER")
    indexes = await owner.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'case_texts' AND indexname LIKE '%idx'"
    )
    await owner.execute(";".join(f"DROP INDEX {each['indexname']}" for each in indexes))
    await owner.execute(_FILL)
    for each in indexes:
        await owner.execute(each["indexdef"])
    await owner.execute("VACUUM ANALYZE case_texts, cases")
    engines.notes["cases"] = f"{CASES:,}"
    engines.notes["their words on the disk, MB, and with the indexes"] = await owner.fetchval(
        "SELECT pg_table_size('case_texts') / 1000000 || ', ' || pg_total_relation_size('case_texts') / 1000000"
    )
    await owner.close()
    database = await Database.connect(made.runtime_url, size=1)
    yield database
    await database.close()


_SHARED = Shared(_filled)


@asynccontextmanager
async def _search(engines: Engines, caller: Principal, texts: list[str]) -> AsyncIterator[Measure]:
    async with _SHARED.of(engines) as database:

        async def measure(_: float) -> float:
            """ms, the median."""
            took = []
            for text in texts * 5:
                asked = CaseList(q=text)
                async with database.transaction(caller.scope) as tx:
                    began = perf_counter()
                    search = await search_for(text, asked, caller, tx)
                    rows = [*visible_to(caller), search.rows]
                    await listed(tx, Case, asked, rows, out=lambda case: case, by=search.keys)
                    took.append(perf_counter() - began)
            return median(took) * 1000

        yield measure


def _name(who: str, what: str) -> str:
    return f"{who}: {what}"


BENCH = Bench(
    "B15",
    "a search over the words of cases",
    "ms",
    [
        Variant(_name(who, what), "ours", partial(_search, caller=caller, texts=texts))
        for who, caller in CALLERS.items()
        for what, texts in SEARCHES.items()
    ],
    [
        Bar(_name(who, what), None, LEAST, AIM, f"a search over cases, {_name(who, what)}", less_is_better=True)
        for who in CALLERS
        for what in SEARCHES
    ],
)

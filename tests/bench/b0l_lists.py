"""B0l: every filter of every list of what grows with the business, on 300,000 rows: no table is walked, and few rows are read for a page.

The routes are asked as they are, as staff and as everybody else whom they admit; PostgreSQL explains what each made it do
(tests/support/lists.py). The sample is the most rows that any request read, for each row of its page.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from deploy.services import SERVICES
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.support.filling import fill
from tests.support.lists import READ, TABLES, Read, document, listening, read_by, requests
from tests.support.services import service

ROWS, PAGE = 300_000, 50
TIMES = 80
"""A reseller's five accounts have 75 rows for each of a page: where a second filter is rare, all of them are read, once."""


@asynccontextmanager
async def _lists(engines: Engines, name: str, rows: int = ROWS) -> AsyncIterator[Measure]:
    made = await engines.service_database(name, "b9")
    await fill(name, made.owner_url, rows, READ)
    asked = requests(service(name), document(service(name)), rows)
    async with listening(service(name), made.owner_url, made.runtime_url) as (harness, heard):

        async def measure(_: float) -> float:
            """Rows read for each row of a page, of the request that read most. Raises RuntimeError for one that walked a table."""
            read = [await read_by(each, harness, heard, limit=PAGE) for each in asked]
            _show(engines, name, read)
            if walked := [each for each in read if each.walked]:
                raise RuntimeError("walked from end to end: " + "; ".join(map(_line, walked)))
            return max(each.rows for each in read) / PAGE

        yield measure
    owner = await asyncpg.connect(made.owner_url)
    try:
        filled = [
            t for t in dict.fromkeys(TABLES.values()) if await owner.fetchval("SELECT to_regclass($1) IS NOT NULL", t)
        ]
        await owner.execute(f"TRUNCATE {', '.join(filled)}")  # gigabytes
    finally:
        await owner.close()


def _show(engines: Engines, name: str, read: list[Read]) -> None:
    if f"B0l {name}" in engines.made:
        return  # told once
    engines.made.add(f"B0l {name}")
    for each in sorted(read, key=lambda each: (each.asked.path, each.asked.filter)):
        print(f"  {_line(each)}")
    worst = max(read, key=lambda each: each.rows)
    engines.notes[name] = f"{len(read)} requests; {_line(worst)}"


def _line(read: Read) -> str:
    asked = f"{read.asked.path}?{read.asked.filter}={read.asked.value[:40]}" if read.asked.filter else read.asked.path
    return (
        f"{asked} as {read.asked.role}: {read.rows:,} rows, {read.blocks:,} blocks, {', '.join(read.by) or 'no index'}"
    )


LISTED = [name for name in SERVICES if name != "gateway"]
BENCH = Bench(
    "B0l",
    f"filters of lists, {ROWS:,} rows in each table: rows read for each row of a page, the worst request",
    "rows",
    [Variant(name, "ours", partial(_lists, name=name)) for name in LISTED],
    [
        Bar(name, None, TIMES, TIMES / 2, f"the lists of {name}: rows read for each of a page", less_is_better=True)
        for name in LISTED
    ],
    repetitions=1,  # what is counted does not scatter
)

"""B13: what promises cost. The what-if of 20 depots with their calendars, and ten thousand open promises made anew after an edit.

`BENCH_PROMISES=1000` makes fewer. Both are measured in one process on one connection: the what-if over the application itself, without a
server, against the same application over answers that were written down; the recomputing by the loop that every worker runs, against
its reads and writes with rows made beforehand.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import asyncpg
from fastapi import FastAPI

from deploy.local.waiting import until_async
from libs.bus.timers import CLAIM, TimerLoop, next_due
from libs.events.values import Contact, Money, OpeningHours, Site
from libs.kit.auth import Verifier
from libs.kit.calendar import CalendarData
from libs.store import Database, Scope, Transaction
from libs.store.ids import new_id
from libs.store.runtime.columns import OUTBOX
from services.rma.app import service
from services.rma.handlers import timers
from services.rma.model.depot import Depot, Lane
from services.rma.model.depot_calendar import DepotCalendar
from services.rma.model.network import Network
from services.rma.model.part import Part
from services.rma.model.places import SiteDays
from services.rma.model.rma import Rma
from services.rma.model.stock import locked_stock
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.intake import ACCOUNT, KEYS
from tests.bench.workload import outbox_rows

PROMISES, DEPOTS = int(os.environ.get("BENCH_PROMISES", "10000")), 20
OURS, WITHOUT = "Poly+", "Poly+ without a database"
ANEW, SQL = "Poly+, promises made anew", "their reads and writes alone"
_PART = "8L531AA"
_SITE = Site(
    site_id=UUID(int=7), city="Huế", country="VN", time_zone="Asia/Ho_Chi_Minh",
    opening_hours=[OpeningHours(weekdays=[0, 1, 2, 3, 4], opens="08:00", closes="17:30")],
)  # fmt: skip
_QUERY = f"part_number={_PART}&country=VN&time_zone=Asia/Ho_Chi_Minh".encode()


async def _network(database: Database) -> list[Depot]:
    depots = []
    async with database.transaction(Scope("worker", actor="system:bench")) as tx:
        for n in range(DEPOTS):
            week = {"weekdays": [0, 1, 2, 3, 4], "opens": "07:30", "closes": "18:00"}
            data = {"time_zone": "Asia/Ho_Chi_Minh", "holidays_country": "VN", "windows": [week]}
            days = DepotCalendar(
                id=new_id(), name=f"Depot {n}", data=CalendarData.model_validate(data), edited_by="bench", edited_because="bench",
                edited_at=tx.now,
            )  # fmt: skip
            tx.add(days)
            depot = Depot(
                id=new_id(), code=f"D{n}", name=f"Depot {n}", country="VN", region=None, city="", postal_code=None, address_lines=[],
                phone=None, calendar_id=days.id, cut_off=None, active=True,
            )  # fmt: skip
            lane = Lane(
                id=new_id(), depot_id=depot.id, country="VN", region=None, transit_days=1 + n % 3, delivers_by="12:00",
                cost=Money(amount_minor=900 + n, currency="USD"), carrier="simulated-express", service="next_business_day", active=True,
            )  # fmt: skip
            depots += [tx.add(depot)]
            tx.add(lane)
            (await locked_stock(depot.id, _PART, tx)).add(PROMISES, tx, "goods in")
        tx.add(
            Part(
                id=new_id(), part_number=_PART, name="Studio X70", component="unit", whole_unit=True, product_number=_PART, fits=[],
                substitutes=[], serialised=True, returnable=True, hazardous=True, list_price=None, active=True,
            )
        )  # fmt: skip
    return depots


class _WrittenDown:
    """What a connection answered, said again without it."""

    def __init__(self, real: Any = None, said: dict[str, Any] | None = None) -> None:
        self._real, self.said = real, {} if said is None else said

    async def fetch(self, sql: str, *values: Any) -> Any:
        if self._real:
            self.said[sql] = await self._real.fetch(sql, *values)
        return self.said[sql]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Listening:
    """A database whose answers are written down, and then one that is not there."""

    def __init__(self, database: Database) -> None:
        self._database, self.said, self.gone = database, dict[str, Any](), False
        self._remembered: dict[object, Any] = {}

    @asynccontextmanager
    async def transaction(self, scope: Scope, **how: Any) -> AsyncIterator[Transaction]:
        if self.gone:
            started = {"alone": True, "status": None}
            connection = cast("Any", _WrittenDown(None, self.said))
            yield Transaction(connection, scope, datetime.now(UTC), started=started, remembered=self._remembered)
            return
        async with self._database.transaction(scope, **how) as tx:
            tx.connection, tx.remembered = cast("Any", _WrittenDown(tx.connection, self.said)), {}
            yield tx


async def _asked(app: FastAPI) -> int:
    """The application's answer to one what-if."""
    status = 0
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http", "path": "/v1/promises",
        "raw_path": b"/v1/promises", "query_string": _QUERY, "root_path": "", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
        "headers": [(b"host", b"bench"), (b"authorization", f"Bearer {_TOKEN}".encode())],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    if status != 200:
        raise RuntimeError(f"the what-if was answered {status}")
    return status


_TOKEN = KEYS.token()


async def _rate(app: FastAPI, seconds: float) -> float:
    began, asked = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        await _asked(app)
        asked += 1
    return asked / (time.perf_counter() - began)


@asynccontextmanager
async def _what_if(engines: Engines, *, without: bool) -> AsyncIterator[Measure]:
    made = await engines.service_database("rma", f"b13_{'without' if without else 'ours'}")
    database = await Database.connect(made.runtime_url, size=1)
    await _network(database)
    await engines.analyze(made.owner_url)
    heard: Any = _Listening(database) if without else database
    app = service.app(heard, Verifier(KEYS.private.public_key()))
    await _asked(app)
    if without:
        heard.gone = True
    yield partial(_rate, app)
    await database.close()


async def _promised(database: Database) -> None:
    """So many RMAs with a part kept for them."""
    depots = await _network(database)
    scope = Scope("worker", actor="system:bench")
    async with database.transaction(scope) as tx:
        network = await Network.load(tx)
        offers = network.offers(tx.now, _SITE, [(depot.id, _PART) for depot in depots], [_PART])
        tx.add(SiteDays(id=_SITE.site_id, account_id=ACCOUNT, country="VN", time_zone=_SITE.time_zone, closed=[]))
    for first in range(0, PROMISES, 1000):
        async with database.transaction(scope) as tx:
            for n in range(first, min(PROMISES, first + 1000)):
                offer = offers[n % len(offers)]
                rma = Rma(
                    id=new_id(), account_id=ACCOUNT, number=f"RMA-BENCH-{n}", case_id=new_id(), case_number=None, diagnosis_id=new_id(),
                    cause_id=new_id(), component="unit", whole_unit=True, wanted_part=_PART, product_number=_PART, serial=f"S{n}",
                    severity="major", priority="P2", onsite=False, plan="plus", part_number=_PART, ship_to=_SITE,
                    contact=Contact(contact_id=UUID(int=8)), diagnosed_at=tx.now, contract_due=tx.now.date() + timedelta(days=60),
                    contract_ends_at=tx.now + timedelta(days=61), repeat_of=[], return_serial=None, history=[], created_at=tx.now,
                )  # fmt: skip
                rma.state, rma.depot_id = "reserved", offer.depot.id
                rma.record("outbound", "reserved", tx, "in a depot")
                rma.promised(offer.promise, offer.depot.id, "reserved", "in a depot", tx.now)
                tx.add(rma)


_EDIT = """
INSERT INTO timers (aggregate, aggregate_id, kind, due_at) SELECT 'Rma', id, 'forecast:calendar', app_now() FROM rmas
ON CONFLICT (aggregate_id, kind) DO UPDATE SET due_at = excluded.due_at
"""
_NOW = "SELECT app_now(), set_config('polyplus.scope', 'worker', true), set_config('polyplus.accounts', '', true)"
_DUE_IDS = "SELECT aggregate_id FROM timers WHERE due_at <= $1 ORDER BY due_at LIMIT $2"
_LOCK = "SELECT * FROM rmas WHERE id = ANY($1) ORDER BY id FOR UPDATE SKIP LOCKED"
_TAKE = "DELETE FROM timers WHERE aggregate_id = ANY($1) AND due_at <= $2 RETURNING aggregate_id"
_CHANGE = """
UPDATE rmas SET version = rmas.version + 1, revision = rmas.revision + 1, promise = new.promise, promises = new.promises
  FROM unnest($1::uuid[], $2::jsonb[], $3::jsonb[]) AS new (id, promise, promises) WHERE rmas.id = new.id
"""
_FORECAST = """
INSERT INTO timers (aggregate, aggregate_id, kind, due_at)
SELECT 'Rma', id, 'forecast:ship_cut_off', app_now() + interval '1 day' FROM unnest($1::uuid[]) AS id
ON CONFLICT (aggregate_id, kind) DO UPDATE SET due_at = excluded.due_at
"""


async def _flood(database: Database, n: int) -> None:
    """Every depot is closed for some days, and for fewer the next time: each promise moves."""
    async with database.transaction(Scope("worker", actor="system:bench")) as tx:
        today = tx.now.date()
        closed = [{"date": today + timedelta(days=i), "name": "Lũ lụt"} for i in range(-1, 3 + n % 5)]
        for each in await tx.select(DepotCalendar, lock=True):
            each.data = CalendarData.model_validate({**each.data.model_dump(), "closed": closed})


async def _none_is_due(database: Database) -> bool:
    return (await next_due(database))[1] > 0


@asynccontextmanager
async def _anew(engines: Engines, *, bare: bool) -> AsyncIterator[Measure]:
    made = await engines.service_database("rma", f"b13_{'bare' if bare else 'anew'}")
    database = await Database.connect(made.runtime_url, size=4)
    await _promised(database)
    await engines.analyze(made.owner_url)
    rows, turn = list(outbox_rows(CLAIM)), 0
    typed = ", ".join(f"${i}::{kind}[]" for i, (_, kind) in enumerate(OUTBOX, 1))
    emit = f"INSERT INTO outbox ({', '.join(column for column, _ in OUTBOX)}) SELECT * FROM unnest({typed})"

    async def page(connection: Any) -> int:
        async with connection.transaction():
            now = await connection.fetchval(_NOW)
            due = [row[0] for row in await connection.fetch(_DUE_IDS, now, CLAIM)]
            locked = await connection.fetch(_LOCK, sorted(due))
            ids = [row["id"] for row in locked]
            taken = await connection.fetch(_TAKE, ids, now)
            if taken:
                await connection.execute(_CHANGE, ids, [r["promise"] for r in locked], [r["promises"] for r in locked])
                await connection.execute(_FORECAST, ids)
                await connection.execute(emit, *zip(*rows[: len(taken)], strict=True))
        return len(taken)

    async def fire() -> None:
        stop, loop = asyncio.Event(), TimerLoop(timers, database)
        running = asyncio.create_task(loop.run(stop))
        await until_async(lambda: _none_is_due(database), seconds=600, otherwise="promises are still to be made anew")
        stop.set()
        loop.wake()
        await running

    async def measure(_: float) -> float:
        nonlocal turn
        turn += 1
        await _flood(database, turn)
        owner = await asyncpg.connect(made.owner_url)
        await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
        await owner.execute(_EDIT)
        await owner.close()
        async with database.pool.acquire() as connection:
            began = time.perf_counter()
            if bare:
                while await page(connection):
                    continue
            else:
                await fire()
            return PROMISES / (time.perf_counter() - began)

    yield measure
    await database.close()


BENCHES = [
    Bench(
        "B13", f"the what-if of a promise, {DEPOTS} depots", "/s",
        [Variant(OURS, "ours", partial(_what_if, without=False)), Variant(WITHOUT, "limit", partial(_what_if, without=True))],
        [Bar(OURS, WITHOUT, 0.40, 0.60, "the what-if vs the same route without a database")],
    ),
    Bench(
        "B13r", f"{PROMISES:,} open promises made anew after an edit", "/s",
        [Variant(ANEW, "ours", partial(_anew, bare=False)), Variant(SQL, "limit", partial(_anew, bare=True))],
        [Bar(ANEW, SQL, 0.30, 0.50, "promises made anew vs their reads and writes alone")],
    ),
]  # fmt: skip

"""A small real run: cases, rma and activity on databases of their own, told of each other by a log that is kept in memory.

Entitlements and onsite are not there: what the one would have decided and what the other would have booked is written by hand, as
their databases would have it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import jwt
from uuid_utils.compat import uuid7

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.bus.batch import Partition, bury, work
from libs.bus.envelope import Headers
from libs.events import Contract, Event, State
from libs.events.state import StateContract
from libs.store import Database as Store
from services.activity.app import service as activity
from services.cases.app import service as cases
from services.cases.tests.builders import ACCOUNT, OTHER, a_fault, a_request
from services.gateway.stream.items import frame
from services.rma.app import service as rma
from services.rma.tests.builders import CONTACT, HEAD_OFFICE, LAN, SITE, Case
from services.rma.tests.network import CAMERA, UNIT, VN_DAYS, a_network, vietnam
from tests.faults import audit, history, witness
from tests.faults.collect import read_database
from tests.faults.evidence import Database, Evidence, Record, Row
from tests.faults.history import FAULTS_OVER, QUIET, Caller, Histories, History, traceparent
from tests.faults.load import SECRET
from tests.faults.sampler import look
from tests.support.harness import Harness
from tests.support.headers import headers_of
from tests.support.tables import database_for

PARTITIONS = 2
SERVICES = (cases, rma, activity)
TECHNICIAN = UUID(int=0x7EC)
PASSWORD = f"{SECRET}{UUID(int=0x5EC)}"


class SmallRun:
    """The services, the log between them, and the history of who asked what of them."""

    def __init__(self, harnesses: dict[str, Harness], owner_urls: dict[str, str], history: History) -> None:
        self.harnesses, self.owner_urls, self.history = harnesses, owner_urls, history
        self.topics: dict[str, list[Record]] = {f"{name}.events": [] for name in ("entitlements", "onsite", *harnesses)}
        self.told = Database("entitlements", {"outbox": [], "case_files": [], "states": []})
        self._sent: dict[str, int] = defaultdict(int)

    # --- people ------------------------------------------------------------------------------------------------------

    async def ask(
        self, service: str, method: str, path: str, body: Any = None, *, role: str, account: UUID | None = None, key: str = "",
        depots: Sequence[UUID] = (),
    ) -> Any:  # fmt: skip
        """One attempt through the service's own route, in the history as the load would have it."""
        harness, accounts = self.harnesses[service], [account] if account else []
        token = harness.token(role, accounts, depots)
        subject = jwt.decode(token, options={"verify_signature": False})["sub"]
        caller, content = Caller(UUID(subject), role, frozenset(accounts)), json.dumps(body or {}).encode()
        key = key or (str(uuid7()) if method == "POST" else "")
        attempt = self.history.request(caller, method, path, content if method == "POST" else b"", key=key or None)
        headers = {"authorization": f"Bearer {token}", "traceparent": traceparent(attempt)}
        if method == "POST":
            headers |= {"idempotency-key": key, "content-type": "application/json"}
        answer = await harness.http.request(
            method, path, content=content if method == "POST" else None, headers=headers
        )
        self.history.response(attempt, answer.status_code, dict(answer.headers), answer.content)
        assert answer.is_success, answer.text
        return answer.json()

    async def listen(self, account: UUID) -> None:
        """The frames that a customer's stream shows."""
        page = await self.ask("activity", "GET", "/v1/events?limit=200", role="customer", account=account)
        caller = Caller(UUID(int=1), "customer", frozenset({account}))
        for event in page["items"]:
            fields = dict(
                line.partition(": ")[::2] for line in frame(event).decode().splitlines() if line
            )  # as a browser reads it
            self.history.frame("browser", caller, fields["id"], fields["event"], fields["data"])

    # --- the log -----------------------------------------------------------------------------------------------------

    def append(self, topic: str, key: UUID, headers: Headers, value: bytes | None) -> None:
        records, partition = self.topics.setdefault(topic, []), key.int % PARTITIONS
        offset = sum(record.partition == partition for record in records)
        records.append(Record(topic, partition, offset, str(key).encode(), tuple(headers), value))

    def decide(self, event: Event) -> None:
        """Entitlements said this."""
        row, value = self._said(event.contract, event.key, event.subject), event.model_dump_json().encode()
        self.append(event.contract.topic, event.key, headers_of(row), value)
        self.told["outbox"].append({**row, "data": "\\x" + value.hex()})
        self.told["case_files"].append({"id": row["subject"], "version": 1, "revision": 0, "account_id": str(ACCOUNT)})

    async def tell(self, id: UUID, state: State) -> None:
        """Entitlements tells this state, and whoever keeps a replica follows."""
        row, value = self._said(state.contract, id, id), state.model_dump_json().encode()
        self.append(state.contract.topic, id, headers_of(row), value)
        self.told["outbox"].append(row)
        names = ("topic", "key", "type", "account_id", "version")
        self.told["states"].append({name: row[name] for name in names} | {"data": "\\x" + value.hex()})
        for harness in self.harnesses.values():
            if state.contract.topic in harness.service.replicas.topics:
                await harness.learn({id: state})

    def _said(self, contract: Contract | StateContract, key: UUID, subject: UUID) -> Row:
        return {
            "id": len(self.told["outbox"]) + 1, "xid": str(len(self.told["outbox"]) + 1), "topic": contract.topic,
            "key": str(key), "event_id": str(uuid7()), "type": contract.ce_type, "subject": str(subject),
            "account_id": str(ACCOUNT), "version": 1, "causation_id": None, "actor": "engineer:1",
            "traceparent": None, "time": datetime.now(UTC).isoformat(), "headers": None, "data": None,
        }  # fmt: skip

    def poison(self, key: UUID) -> None:
        """A record that rma cannot read, put there by the run itself."""
        event_id = uuid7()
        row = {
            "event_id": str(event_id), "type": "polyplus.cases.fault-diagnosed.v1", "subject": str(uuid7()), "version": "1",
            "actor": "test", "time": datetime.now(UTC).isoformat(), "account_id": None, "causation_id": None, "traceparent": None, "headers": None,
        }  # fmt: skip
        self.append("cases.events", key, headers_of(row), b'{"nobody":"reads this"}')
        self.history.produced("cases.events", event_id, "poison")

    async def settle(self) -> None:
        """Relays and consumes until nothing is left to do."""
        while await self._relay() | await self._consume():
            pass

    async def _relay(self) -> bool:
        moved = False
        for name, harness in self.harnesses.items():
            for row in await harness.outbox():
                if row["id"] > self._sent[name]:
                    self._sent[name], moved = row["id"], True
                    self.append(row["topic"], row["key"], headers_of(dict(row)), row["data"])
        return moved

    async def _consume(self) -> bool:
        moved = False
        for name, harness in self.harnesses.items():
            for topic in sorted(harness.service.handlers.topics):
                for partition in range(PARTITIONS):
                    moved |= await self._work(harness, Partition(name, topic, partition))
        return moved

    async def _work(self, harness: Harness, partition: Partition) -> bool:
        at = await harness.database.pool.fetchval(
            "INSERT INTO consumer_offsets AS o VALUES ($1, $2, $3, 0) "
            "ON CONFLICT (consumer, topic, partition) DO UPDATE SET next = o.next RETURNING next",
            partition.consumer, partition.topic, partition.number,
        )  # fmt: skip
        records = [
            r for r in self.topics.get(partition.topic, []) if r.partition == partition.number and r.offset >= at
        ]
        for record in records:
            try:
                await work(
                    harness.database, harness.service.handlers, partition, record.offset, [record.delivery], next=record.offset + 1
                )  # fmt: skip
            except ValueError as error:  # pydantic's: what the run put there to be a dead letter
                await bury(harness.database, partition, record.offset, record.delivery, error)
        return bool(records)

    # --- the evidence ------------------------------------------------------------------------------------------------

    async def sample(self) -> None:
        for name, url in self.owner_urls.items():
            owner = await asyncpg.connect(url)
            self.history.sample(name, **await look(owner, stock=name == "rma"))
            await owner.close()

    async def dump(self, folder: Path) -> Evidence:
        databases = {name: await read_database(name, url) for name, url in self.owner_urls.items()}
        self.told.now, self.told.wall = databases["cases"].now, databases["cases"].wall
        databases |= {"entitlements": self.told, "onsite": _diary()}
        ends = {
            topic: {p: sum(record.partition == p for record in records) for p in range(PARTITIONS)}
            for topic, records in self.topics.items()
        }
        topics = {t: sorted(records, key=lambda r: (r.partition, r.offset)) for t, records in self.topics.items()}
        return Evidence(databases, topics, ends, Histories.of(history.read(folder)))


async def play(run: SmallRun) -> None:
    """Three cases: one gets its part, one has a poisoned line, one is called off; then ten days go by in rma."""
    await run.sample()
    await a_network(run.harnesses["rma"], camera=5)
    await run.tell(VN_DAYS, vietnam())
    await run.tell(SITE.site_id, HEAD_OFFICE)
    await run.tell(CONTACT, LAN)
    ids = []
    for n in range(3):
        body, key = a_request(product_number=UNIT, serial=f"SN-{n}"), f"open {n}"
        for _ in range(2):
            case = await run.ask("cases", "POST", "/v1/cases", body, role="customer", account=ACCOUNT, key=key)
        ids.append(UUID(case["id"]))
        fault = a_fault(component="camera", part_number=CAMERA, remedy="replace_part")
        await run.ask("cases", "POST", f"/v1/cases/{ids[n]}/diagnoses", fault, role="engineer")
        covered = Case(f"case {n}", serial=f"SN-{n}", account_id=ACCOUNT).covered()
        run.decide(covered.model_copy(update={"case_id": ids[n]}))
    stranger = a_request(serial="SN-9", description="Of another account")
    await run.ask("cases", "POST", "/v1/cases", stranger, role="customer", account=OTHER)
    await run.settle()
    await run.sample()
    rmas = (await run.ask("rma", "GET", f"/v1/rmas?case_id={ids[0]}", role="customer", account=ACCOUNT))["items"]
    ship = {"serial": "NEW-1", "carrier": "depot van", "tracking": "VAN-1"}
    depots = [UUID(rmas[0]["depot_id"])]
    await run.ask("rma", "POST", f"/v1/rmas/{rmas[0]['id']}/ship", ship, role="depot", depots=depots)
    run.poison(ids[1])
    severity = {"severity": "minor", "reason": "It is only a spare room."}
    await run.settle()
    await run.ask("cases", "POST", f"/v1/cases/{ids[1]}/severity", severity, role="engineer")
    await run.ask(
        "cases", "POST", f"/v1/cases/{ids[2]}/cancel", {"reason": "It works."}, role="customer", account=ACCOUNT
    )
    accept = {"decision": "accept", "reason": f"They gave us {PASSWORD}"}
    await run.ask("cases", "POST", f"/v1/cases/{ids[2]}/cancellation", accept, role="engineer")
    await run.settle()
    told = next(row for row in await run.harnesses["cases"].outbox() if PASSWORD in (row["data"] or b"").decode())
    fact = {"event_id": str(told["event_id"]), "type": told["type"], "time": told["time"].isoformat()}
    redact = {"what": "fact", "fact": fact, "reason": "a password", "replacement": "(taken out)"}
    await run.ask("cases", "POST", f"/v1/cases/{ids[2]}/redact", redact, role="manager")
    await run.settle()
    await run.harnesses["rma"].advance(timedelta(days=10))
    await run.settle()
    for path in (f"/v1/cases/{ids[0]}", "/v1/cases"):
        await run.ask("cases", "GET", path, role="customer", account=ACCOUNT)
    await run.listen(ACCOUNT)
    run.history.mark(FAULTS_OVER)
    await run.settle()
    await run.sample()
    run.history.mark(QUIET)


@asynccontextmanager
async def small_run(admin_url: str, folder: Path) -> AsyncIterator[SmallRun]:
    """Databases of its own, with the triggers in them."""
    harnesses, owner_urls = {}, {}
    for service in (*SERVICES, witness.service):
        if service is witness.service:
            owner_url, url = await database_for(admin_url, service.name, witness.Sighting, witness.Refusal)
        else:
            owner_url, url = await create_service_database(admin_url, service.name, prefix="checked_")
            await migrate(service.name, owner_url)
        await audit.install(service.name, owner_url)
        harnesses[service.name] = Harness(service, await Store.connect(url, size=2), owner_url)
        owner_urls[service.name] = owner_url
    try:
        with History(folder, "load") as written:
            yield SmallRun(harnesses, owner_urls, written)
    finally:
        for harness in harnesses.values():
            await harness.http.aclose()
            await harness.database.close()


def _diary() -> Database:
    """Onsite with one technician and two visits, one after the other; the second was moved once."""
    start, numbers = datetime(2026, 3, 2, 2, 0, tzinfo=UTC), count(1)
    ids = [UUID(int=n) for n in range(0x100, 0x106)]

    def at(hours: float) -> str:
        return (start + timedelta(hours=hours)).isoformat()

    def booking(n: int, hours: float) -> Row:
        return {
            "id": str(ids[n]), "version": 0, "revision": 0, "work_order_id": str(ids[2 + n]), "appointment_id": str(ids[4 + n]),
            "technician_id": str(TECHNICIAN), "leaves_at": at(hours - 0.5), "starts": at(hours), "ends": at(hours + 1),
        }  # fmt: skip

    def appointment(n: int, hours: float, **how: Any) -> Row:
        return {
            "id": str(ids[4 + n]), "version": 0, "revision": 0, "work_order_id": str(ids[2 + n]), "technician_id": str(TECHNICIAN),
            "starts": at(hours), "ends": at(hours + 1), "arrived_at": None, "history": [], "state": "confirmed", **how,
        }  # fmt: skip

    def change(xid: str, old: Row | None, new: Row | None) -> Row:
        return {
            "n": next(numbers), "at": 0.0, "now": at(0), "offset_seconds": 0.0, "xid": xid, "scope": "worker", "query": "",
            "tbl": "bookings", "old": old, "new": new,
        }  # fmt: skip

    first, second, moved = booking(0, 0), booking(1, 4), booking(1, 2)
    done = {"arrived_at": at(-20), "state": "completed", "history": [{"state": "completed", "at": at(-19)}]}
    return Database(
        "onsite",
        {
            "bookings": [first, moved],
            "appointments": [appointment(0, 0), appointment(1, 2), {**appointment(0, -20), **done, "id": str(UUID(int=0x200))}],
            "fault_audit.changes": [change("7", None, first), change("8", None, second), change("9", second, moved)],
        },
        at(-24),
    )  # fmt: skip

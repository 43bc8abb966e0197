"""People at work while everything breaks: cases opened, diagnosed, shipped, moved, called off; by two tenants that must never meet."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx

from deploy.local.demo.load import Ids
from deploy.local.story.people import Person
from deploy.local.waiting import until_async
from tests.faults.callers import Client, GaveUp, Row, staff
from tests.faults.history import Caller, History

SAO_MAI, LION_GATE = "Công ty Cổ phần Sao Mai", "Lion Gate Analytics Pte. Ltd."
_SITES = {SAO_MAI: "Trụ sở chính, Quận 1", LION_GATE: "Marina office"}
_UNITS = {SAO_MAI: ("8L531AA", "8L263979C412FB"), LION_GATE: ("A3SV5AA", "8L263546C8BCFC")}
_CONTACTS = {SAO_MAI: "dao.pham@saomai.example", LION_GATE: "weiling.tan@liongate.example"}
_PARTNER, _DEPOT = "microsoft-teams", "SGN"
_X70, _CAMERA = "8L531AA", "CAM-X70-01"
_PATIENCE = 90.0
_ROLES = ("engineer", "depot", "manager")
SECRET = "secret-"
"""How each text begins that is taken out again."""
UNKNOWN = "outcome unknown"


class Load:
    """Tellers of stories, a few at a time, and listeners. `open` counts the requests that wait for each service."""

    def __init__(self, env: Mapping[str, str], ids: Ids, http: httpx.AsyncClient, history: History, seed: str) -> None:
        self._env, self._ids, self._http, self._history, self._random = env, ids, http, history, Random(seed)
        self._clients: dict[str, Client] = {}
        self.open: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        """Stories by name, with what came of them."""
        self._ending = asyncio.Event()

    async def prepare(self) -> None:
        """Clients for the second tenant; everybody has a token."""
        for role in _ROLES:
            self._add(role, *staff(role, self._env))
        caller, secret = staff("customer", self._env)
        ours, theirs = (self._ids["accounts"][name] for name in (SAO_MAI, LION_GATE))
        self._add("Sao Mai", Caller(caller.id, "customer", frozenset({UUID(ours)})), secret)
        # past the history: the gateway keeps an answer that has a secret in it sealed
        admin = Person("admin", self._env, self._http)
        other = {"name": "Lion Gate, IT", "role": "customer", "accounts": [theirs]}
        made = await admin.post("/v1/clients", other)
        self._add("Lion Gate", Caller(UUID(made["id"]), "customer", frozenset({UUID(theirs)})), made["secret"])

    async def run(self, tellers: int = 4) -> None:
        """Until `end`: then each story is told to where it is. Listeners hear until the very last."""
        await asyncio.gather(*(self._tell(number) for number in range(tellers)))

    async def under_way(self, seconds: float) -> None:
        """Returns when every kind of story has been told once from now on. Raises CannotRun."""
        names, before = [f"{story.__name__.strip('_')}, told" for story in self._stories()], self.told.copy()

        def all_told() -> bool:
            return all(self.told[name] > before[name] for name in names)

        await until_async(
            all_told, seconds=seconds, otherwise="not every kind of story could be told on a stack that is whole"
        )

    def end(self) -> None:
        self._ending.set()

    def _stories(self) -> tuple[Callable[[str], Awaitable[bool]], ...]:
        return self._camera, self._partner, self._called_off, self._goods, self._taken_out, self._forgotten

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        names = ("Sao Mai", "Lion Gate", "engineer")
        tasks = [asyncio.create_task(self._clients[name].listen(f"listener of {name}")) for name in names]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _add(self, name: str, caller: Caller, secret: str) -> None:
        client = Client(caller, secret, self._http, self._history, self._random)
        client.open = self.open
        self._clients[name] = client

    async def _tell(self, number: int) -> None:
        stories = self._stories()
        for turn in count(number):
            if self._ending.is_set():
                return
            story = stories[turn % len(stories)]
            name = story.__name__.strip("_")
            try:
                ended = await story(self._random.choice(list(_SITES)))
            except GaveUp:
                self.told[f"{name}, {UNKNOWN}"] += 1
            else:
                self.told[f"{name}, {'told' if ended else 'broken off'}"] += 1

    # --- stories -----------------------------------------------------------------------------------------------------

    async def _camera(self, account: str) -> bool:
        """A failed part is replaced in advance; for whom it is covered, a visit is planned and moved."""
        customer, engineer = self._customer(account), self._clients["engineer"]
        serial = f"8L2647{uuid4().hex[:6].upper()}FB"
        unit = {"product_number": _X70, "serial": serial, "site_id": self._site(account)}
        if await customer.post("/v1/registrations", unit) is None:
            return False
        if (case := await self._opened(customer, unit, "down", "critical")) is None:
            return False
        path = f"/v1/cases/{case['id']}"
        await customer.post(f"{path}/notes", {"text": "Không có hình. No picture.", "visibility": "public"})
        await engineer.post(f"{path}/assign", {})
        await engineer.post(f"{path}/notes", {"text": "Looking at it from afar.", "visibility": "internal"})
        await engineer.post(
            f"{path}/diagnoses", _camera_fault("onsite_replacement" if account == SAO_MAI else "replace_part")
        )
        rma = await self._sees(customer, "/v1/rmas", _is("reserved", "backordered"), case_id=case["id"])
        if rma is None or rma["state"] != "reserved":
            return False
        labelled = await self._becomes(customer, f"/v1/rmas/{rma['id']}", _has_label)
        if labelled is None:
            return False
        await self._clients["depot"].post(f"/v1/rmas/{rma['id']}/ship", {"serial": f"CAM{serial[6:12]}"})
        if account == SAO_MAI:
            await self._move_visit(customer, case["id"])
        await customer.get(f"{path}/timeline", limit="200")
        for each in self._clients["Sao Mai"], self._clients["Lion Gate"]:
            await each.get(path)  # one of them is told that there is no such case
            await each.get("/v1/cases", limit="50")
            await each.get("/v1/rmas", limit="50")
        return await customer.get(path) is not None

    async def _move_visit(self, customer: Client, case_id: str) -> None:
        visit = await self._sees(customer, "/v1/work-orders", _is("planned"), case_id=case_id)
        if visit is None:
            return
        path = f"/v1/work-orders/{visit['id']}"
        slots = await customer.get(f"{path}/slots", limit="5")
        if slots and slots["items"]:
            starts = self._random.choice(slots["items"])["window"]["starts"]
            await customer.post(f"{path}/reschedule", {"starts": starts, "reason": "Another hour suits us."})

    async def _partner(self, account: str) -> bool:
        """A fault that only the cloud partner can mend."""
        customer, engineer = self._customer(account), self._clients["engineer"]
        if (case := await self._opened(customer, self._unit_of(account), "degraded", "major")) is None:
            return False
        path = f"/v1/cases/{case['id']}"
        fault = {
            "component": "Teams Rooms", "fault_code": "TEAMS-CAM-POLICY", "domain": "partner_environment",
            "remedy": "partner_ticket", "partner_id": self._ids["partners"][_PARTNER], "findings": "A policy turns it off.", "confidence": "medium",
        }  # fmt: skip
        if await engineer.post(f"{path}/diagnoses", fault) is None:
            return False
        await customer.post(f"{path}/partner-ticket-request", {"consent": True})
        # only one of the two has an agreement with this partner; the other is told so
        state = "opened" if account == SAO_MAI else "not_openable"
        known = await self._sees(customer, "/v1/partner-engagements", _is(state), case_id=case["id"])
        return known is not None and await customer.get(f"{path}/timeline", limit="200") is not None

    async def _called_off(self, account: str) -> bool:
        """Opened, diagnosed, and not wanted any more while the part is being promised."""
        customer, engineer = self._customer(account), self._clients["engineer"]
        if (case := await self._opened(customer, self._unit_of(account), "degraded", "minor")) is None:
            return False
        path = f"/v1/cases/{case['id']}"
        await engineer.post(f"{path}/diagnoses", _camera_fault("replace_part"))
        await customer.post(f"{path}/cancel", {"reason": "It works again."})
        accepted = await engineer.post(
            f"{path}/cancellation", {"decision": "accept", "reason": "Nothing is left to do."}
        )
        return accepted is not None

    async def _goods(self, _account: str) -> bool:
        """A few parts come in: stock stays scarce, so that promises compete for it."""
        body = {
            "depot_id": self._ids["depots"][_DEPOT],
            "part_number": _CAMERA,
            "quantity": self._random.randint(1, 3),
            "reason": f"delivery {uuid4()}",
        }
        made = await self._clients["depot"].post("/v1/stock/goods-in", body)
        await self._clients["depot"].get("/v1/stock", limit="50")
        await asyncio.sleep(self._random.uniform(0.5, 2.0))
        return made is not None

    async def _taken_out(self, account: str) -> bool:
        """Somebody pastes a password into a note and into a reason; both are taken out."""
        customer, engineer, manager = self._customer(account), self._clients["engineer"], self._clients["manager"]
        if (case := await self._opened(customer, self._unit_of(account), "degraded", "minor")) is None:
            return False
        path, words = f"/v1/cases/{case['id']}", [f"{SECRET}{uuid4()}" for _ in range(2)]
        note = await customer.post(f"{path}/notes", {"text": f"It is {words[0]}", "visibility": "public"})
        await engineer.post(f"{path}/diagnoses", _camera_fault("replace_part"))
        await customer.post(f"{path}/cancel", {"reason": "It works again."})
        await engineer.post(f"{path}/cancellation", {"decision": "accept", "reason": f"They gave us {words[1]}"})
        # the fact itself: what came of it, as the end of a replacement, says the reason too and may be seen before it
        fact = await self._sees(engineer, f"{path}/timeline", _tells("case-cancelled", words[1]), limit="200")
        if note is None or fact is None:
            return False
        named = {"event_id": fact["id"], "type": fact["type"], "time": fact["time"]}
        redacted = [
            await manager.post(f"{path}/redact", {**what, "reason": "a password", "replacement": "(taken out)"})
            for what in ({"what": "note", "text_id": note["id"]}, {"what": "fact", "fact": named})
        ]
        return None not in redacted

    async def _forgotten(self, account: str) -> bool:
        """A contact asks for something, leaves, and is erased once nothing is open with them."""
        customer, engineer, manager = self._customer(account), self._clients["engineer"], self._clients["manager"]
        known = f"Forgotten {uuid4().hex[:12]}"
        body = {
            "account_id": self._ids["accounts"][account], "name": known, "email": f"{known[10:]}@forgotten.example",
            "authorised": True, "language": "en",
        }  # fmt: skip
        if (contact := await manager.post("/v1/contacts", body)) is None:
            return False
        request = {**self._unit_of(account), "contact_id": contact["id"], "account_id": body["account_id"]}
        if (case := await self._opened(engineer, request, "degraded", "minor")) is None:
            return False
        await engineer.post(f"/v1/cases/{case['id']}/diagnoses", _camera_fault("replace_part"))
        path = f"/v1/contacts/{contact['id']}"
        await manager.post(f"{path}/erase", {"reason": "DSR"})  # while something is open, most often
        await manager.post(f"{path}/leave", {"successor_id": self._ids["contacts"][_CONTACTS[account]]})
        await customer.post(f"/v1/cases/{case['id']}/cancel", {"reason": "It works again."})
        await engineer.post(
            f"/v1/cases/{case['id']}/cancellation", {"decision": "accept", "reason": "Nothing is left."}
        )

        async def erase() -> Row | None:
            return await manager.post(f"{path}/erase", {"reason": "DSR"})

        return await self._until(erase) is not None

    # --- ways of telling ---------------------------------------------------------------------------------------------

    def _customer(self, account: str) -> Client:
        return self._clients["Sao Mai" if account == SAO_MAI else "Lion Gate"]

    def _site(self, account: str) -> str:
        return self._ids["sites"][_SITES[account]]

    def _unit_of(self, account: str) -> Row:
        """One that is registered since the demo data was loaded."""
        product, serial = _UNITS[account]
        return {"product_number": product, "serial": serial, "site_id": self._site(account)}

    async def _opened(self, customer: Client, about: Row, impact: str, severity: str) -> Row | None:
        body = {
            "description": "No picture from the camera.", "observed_impact": impact, "severity": severity, "language": "en", **about,
        }  # fmt: skip
        return await customer.post("/v1/cases", body)

    async def _sees(self, client: Client, path: str, fact: Callable[[Row], bool], **params: str) -> Row | None:
        """The first item of which the fact holds."""

        async def look() -> Row | None:
            page = await client.get(path, **params)
            return next((row for row in page["items"] if fact(row)), None) if page else None

        return await self._until(look)

    async def _becomes(self, client: Client, path: str, fact: Callable[[Row], bool]) -> Row | None:
        async def look() -> Row | None:
            row = await client.get(path)
            return row if row and fact(row) else None

        return await self._until(look)

    async def _until(self, look: Callable[[], Awaitable[Row | None]]) -> Row | None:
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + _PATIENCE, 0.2
        while loop.time() < end and not self._ending.is_set():
            if (found := await look()) is not None:
                return found
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)
            pause = min(pause * 1.5, 1.5)
        return None


def _is(*states: str) -> Callable[[Row], bool]:
    return lambda row: row["state"] in states


def _tells(event: str, words: str) -> Callable[[Row], bool]:
    return lambda entry: f".{event}." in entry["type"] and words in str(entry["data"])


def _has_label(rma: Row) -> bool:
    return any(parcel["direction"] == "outbound" and parcel["tracking"] for parcel in rma["shipments"])


def _camera_fault(remedy: str) -> dict[str, Any]:
    return {
        "component": "camera module", "fault_code": "CAM-NO-SIGNAL", "domain": "hardware", "remedy": remedy,
        "part_number": _CAMERA, "findings": "The camera does not answer on its bus.", "confidence": "high",
    }  # fmt: skip

"""What somebody took out of a case is nowhere any more: every table of every service is looked through, byte for byte."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from libs.bus.dead_letters import park
from libs.bus.envelope import Delivery
from libs.events.cases_work import NoteAdded, TextRedacted
from tests.support.harness import Harness
from tests.support.services import running

NAMES = ("cases", "activity", "ecps", "escalation", "rma", "onsite", "entitlements", "gateway")
"""The log hands the records over in any order across topics; here it is this one."""
ACCOUNT = uuid4()
CUSTOMER: dict[str, Any] = {"role": "customer", "accounts": [ACCOUNT]}
PASSWORDS = {
    each: f"pw{each}{uuid4().hex}"
    for each in ("note", "description", "finding", "resolution", "file", "asked", "corrected", "severity", "withdrawn")
}


class Services:
    """All of them, and what is between them."""

    def __init__(self, all_of_them: dict[str, Harness], objects: Path) -> None:
        self.all, self.cases, self._objects = all_of_them, all_of_them["cases"], objects
        self._told = dict.fromkeys(all_of_them, 0)

    async def settle(self) -> None:
        """Everybody has heard what everybody has told, and everything that is due has been done."""
        while news := [each for name in self.all for each in await self._news(name)]:
            for name, harness in self.all.items():
                heard = [
                    each for each in news if harness.service.handlers.hears(each) and each.topic != f"{name}.events"
                ]
                await harness.deliver(*heard if name != "activity" else news)
        await self.cases.fire_timers()

    async def _news(self, name: str) -> list[Delivery]:
        rows = [row for row in await self.all[name].outbox() if row["id"] > self._told[name]]
        self._told[name] = max([self._told[name], *(row["id"] for row in rows)])
        return [as_heard(row) for row in rows if row["topic"].endswith(".events")]

    async def holding(self, text: str) -> list[str]:
        """The tables, and the files, in which these bytes are."""
        found = [f"{name}.{table}" for name, harness in self.all.items() for table in await _tables(harness, text)]
        files = [each for each in self._objects.rglob("*") if each.is_file() and text.encode() in each.read_bytes()]
        return sorted(found + ["a file" for _ in files])

    async def did(self, case_id: Any, what: str, body: Any = None, **who: Any) -> dict[str, Any]:
        answer = await self.cases.post(f"/v1/cases/{case_id}/{what}", body, **{"role": "manager", **who})
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found


async def _tables(harness: Harness, text: str) -> Sequence[str]:
    owner = await asyncpg.connect(harness._owner_url)
    try:
        await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
        names = await owner.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        query = 'SELECT count(*) FROM "{}" AS t WHERE position($1 IN t::text) > 0 OR position($2 IN t::text) > 0'
        inside = {n: await owner.fetchval(query.format(n), text, text.encode().hex()) for (n,) in names}
        return [name for name, rows in inside.items() if rows]
    finally:
        await owner.close()


def as_heard(row: asyncpg.Record) -> Delivery:
    about = ("topic", "key", "event_id", "type", "subject", "version", "time", "actor", "account_id", "causation_id")
    return Delivery(
        partition=0, offset=0, traceparent=row["traceparent"], data=row["data"], **{name: row[name] for name in about}
    )


@pytest_asyncio.fixture
async def services(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    monkeypatch.setenv("POLYPLUS_HOME", str(tmp_path))
    async with AsyncExitStack() as stack:
        yield Services({n: await stack.enter_async_context(running(postgres_url, n)) for n in NAMES}, tmp_path)


async def a_case(s: Services, **fields: Any) -> UUID:
    request = {
        "description": f"The login is {PASSWORDS['description']}",
        "observed_impact": "down",
        "severity": "critical",
        "product_number": "83Z52AA",
        "serial": "SN-1",
        "language": "en",
        **fields,
    }
    answer = await s.cases.post("/v1/cases", request, **CUSTOMER)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


async def with_a_partner(s: Services, case_id: UUID) -> str:
    """Diagnosed as a partner's trouble; they have a ticket, and get the customer's notes. The id of the diagnosis."""
    ecps = s.all["ecps"]
    partner = {
        "code": "cloud", "name": "Cloud", "approved_strategic": True, "permits_direct_work": True, "requires_agreement": False,
        "environments": ["Rooms"], "response_minutes": 30, "procedure": [],
        "contact": {"name": "Cloud support", "email": "help@cloud.example", "url": "https://cloud.example/help"},
    }  # fmt: skip
    made = await ecps.post("/v1/partners", partner, role="manager")
    assert made.status_code == 201, made.text
    fault = {
        "component": "camera", "fault_code": "CAM-1", "domain": "partner_environment", "remedy": "partner_ticket",
        "partner_id": made.json()["id"], "findings": f"It logs in as {PASSWORDS['finding']}", "confidence": "high",
    }  # fmt: skip
    diagnosis = (await s.did(case_id, "diagnoses", fault))["id"]
    await s.did(case_id, "partner-ticket-request", {"consent": True}, **CUSTOMER)
    await s.settle()
    [engagement] = (await ecps.get("/v1/partner-engagements")).json()["items"]
    ticket = await ecps.post(f"/v1/partner-engagements/{engagement['id']}/ticket", {"ticket_number": "TT-1"})
    assert ticket.status_code == 200, ticket.text
    await s.settle()
    return str(diagnosis)


async def attached(s: Services, case_id: UUID) -> str:
    headers = {"authorization": f"Bearer {s.cases.token('customer', [ACCOUNT])}", "idempotency-key": str(uuid4())}
    path, name = f"/v1/cases/{case_id}/attachments", f"{PASSWORDS['file']}.txt"
    answer = await s.cases.http.post(
        path, headers=headers, files={"file": (name, PASSWORDS["file"].encode(), "text/plain")}
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_password_that_was_taken_out_is_found_nowhere(services: Services) -> None:
    s = services
    case_id = await a_case(s)
    diagnosis = await with_a_partner(s, case_id)
    right = {"description": f"The login was {PASSWORDS['corrected']}", "reason": "typed wrongly"}
    await s.did(case_id, "correct", right, key="the correction")
    await s.did(case_id, "correct", {"description": "The login is known", "reason": "typed wrongly"})
    note = {"text": f"My password is {PASSWORDS['note']}"}
    answer = await s.cases.post(f"/v1/cases/{case_id}/notes", note, key="the note", **CUSTOMER)
    note_id, file_id = answer.json()["id"], await attached(s, case_id)
    await s.did(case_id, "waits", {"wait": "customer", "note": f"Is it {PASSWORDS['asked']}?"})
    asked = (await s.cases.get(f"/v1/cases/{case_id}/notes")).json()["items"][0]["id"]
    # Nobody knows for how long a dead letter lies, and what waits behind it.
    [heard] = [as_heard(row) for row in await s.cases.outbox() if note_id in (row["data"] or b"").decode()][:1]
    assert heard.type == NoteAdded.contract.ce_type
    async with s.all["escalation"].transaction() as tx:
        await park(tx, "escalation", heard, ValueError("no"))
    await s.settle()
    other = await a_case(s, description="Another", serial="SN-2")
    await s.did(other, "assign", person_id=uuid4())
    await s.did(other, "severity", {"severity": "minor", "reason": f"It opens by {PASSWORDS['severity']}"})
    fault = {
        "component": "camera", "fault_code": "CAM-1", "domain": "hardware", "remedy": "onsite_replacement", "part_number": "CAM",
        "findings": "dark", "confidence": "high",
    }  # fmt: skip
    wrong = (await s.did(other, "diagnoses", fault))["id"]
    await s.settle()
    await s.did(other, f"diagnoses/{wrong}/withdraw", {"reason": f"Try {PASSWORDS['withdrawn']}"})
    await s.did(other, "resolve", {"resolution": f"Set to {PASSWORDS['resolution']}"})
    await s.settle()
    before = {each: await s.holding(PASSWORDS[each]) for each in PASSWORDS}
    assert {"activity.activity_events", "cases.notes", "cases.idempotency_keys", "ecps.engagement_notes"} <= {
        *before["note"]
    }
    assert "escalation.dead_letters" in before["note"]
    assert {"activity.activity_events", "ecps.case_files", "cases.diagnoses"} <= {*before["finding"]}
    assert {"activity.activity_events", "ecps.case_files", "cases.cases"} <= {*before["description"]}
    assert {"activity.activity_events", "cases.idempotency_keys", "cases.cases"} <= {*before["corrected"]}
    assert {"activity.activity_events", "cases.cases"} <= {*before["resolution"]} & {*before["asked"]}
    assert {"a file", "cases.attachments", "cases.idempotency_keys"} <= {*before["file"]}

    assert {"activity.activity_events", "cases.outbox"} <= {*before["severity"]}
    assert {"activity.activity_events", "cases.diagnoses", "rma.case_files", "onsite.case_files"} <= {
        *before["withdrawn"]
    }

    why = {"reason": "a password", "replacement": "(taken out)"}
    await s.did(case_id, "redact", {"what": "note", "text_id": note_id, "reason": "a password"})
    await s.did(case_id, "redact", {"what": "note", "text_id": asked, **why})
    await s.did(case_id, "redact", {"what": "finding", "text_id": diagnosis, **why})
    await s.did(case_id, "redact", {"what": "description", **why})
    await s.did(case_id, "redact", {"what": "file", "text_id": file_id, **why})
    await s.did(other, "redact", {"what": "resolution", **why})
    timeline = (await s.all["activity"].get(f"/v1/cases/{other}/timeline?limit=100", role="manager")).json()["items"]
    for each in ("severity", "withdrawn"):
        told = next(entry for entry in timeline if PASSWORDS[each] in json.dumps(entry))
        fact = {"event_id": told["id"], "type": told["type"], "time": told["time"]}
        await s.did(other, "redact", {"what": "fact", "fact": fact, **why})
    await s.settle()
    assert {each: await s.holding(PASSWORDS[each]) for each in PASSWORDS} == {each: [] for each in PASSWORDS}

    again = await s.cases.post(f"/v1/cases/{case_id}/notes", note, key="the note", **CUSTOMER)
    assert (again.status_code, again.json()["type"]) == (410, "urn:polyplus:problem:answer-forgotten")
    for name in ("ecps", "rma", "onsite"):
        assert (await s.all[name].rebuild("case_files")).differences == []
    assert [await s.holding(PASSWORDS[each]) for each in ("finding", "withdrawn")] == [[], []]
    # What customers read of the journal from its beginning.
    journal = await s.all["activity"].get(f"/v1/events?case_id={case_id}&limit=200", **CUSTOMER)
    notes = [each["data"] for each in journal.json()["items"] if each["type"] == NoteAdded.contract.ce_type]
    read = {each["note_id"]: each for each in notes}
    assert [(read[id]["text"], read[id]["redacted"]) for id in (note_id, asked)] == [("", True), ("(taken out)", True)]
    told = [each["data"] for each in journal.json()["items"] if each["type"] == TextRedacted.contract.ce_type]
    assert [each["what"] for each in told] == ["note", "note", "wait", "finding", *3 * ["description"], "file"]
    assert PASSWORDS["note"] not in json.dumps(told)

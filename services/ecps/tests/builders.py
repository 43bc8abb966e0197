"""A customer, a case, a partner: with everything that does not matter filled in."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import httpx
from prometheus_client import REGISTRY

from deploy.local.waiting import until_async
from deploy.simulators.tests.receiving import SECRET
from deploy.simulators.tickets import PATH
from deploy.simulators.webhooks import secret_bytes, signed_headers
from libs.bus.jobs import JobRun
from libs.events.cases import (
    CaseCancelled,
    CaseClosed,
    CaseCorrected,
    CaseNames,
    CaseOpened,
    CaseReopened,
    CaseResolved,
)
from libs.events.cases_work import (
    DiagnosisWithdrawn,
    FaultDiagnosed,
    NoteAdded,
    PartnerConsentWithdrawn,
    PartnerTicketRequested,
)
from libs.events.entitlements import ContactState, CoverageDecided
from libs.events.values import Account, Contact, NoteOrigin, Product, Site
from libs.store.ids import new_id
from services.ecps.model.engagement import Engagement
from services.ecps.reactions.submit_ticket import open_ticket, ticket_to_open
from tests.support.harness import Harness
from tests.support.ids import next_id

ACCOUNT, OTHER_ACCOUNT = UUID(int=7), UUID(int=8)
PARTNER = UUID(int=9)
CONTACT = UUID(int=4)
CHAU = UUID(int=6)
"""An engineer of ours."""
AN = ContactState(account_id=ACCOUNT, name="Chị An", email="an@acme.example", language="vi", authorised=True)
WHO: dict[str, Any] = {"by": "engineer:1", "by_role": "engineer"}
LEVELS = [
    {"contact": {"name": "Duty lead", "email": "lead@cloud.example"}, "response_minutes": 60},
    {"contact": {"name": "Director", "email": "director@cloud.example"}, "response_minutes": 120},
]


class ACase:
    """One case and what happens to it; each method is an event at `minutes` after its opening."""

    def __init__(self, opened_at: datetime | None = None, partner_id: UUID = PARTNER) -> None:
        self.id, self.opened_at, self.partner_id = new_id(), opened_at or datetime.now(UTC), partner_id
        self.diagnosis_id = uuid5(self.id, "diagnosis")

    @property
    def engagement_id(self) -> UUID:
        return Engagement.id_for(self.diagnosis_id)

    @property
    def path(self) -> str:
        return f"/v1/partner-engagements/{self.engagement_id}"

    def at(self, minutes: float) -> datetime:
        return self.opened_at + timedelta(minutes=minutes)

    def opened(self) -> CaseOpened:
        return CaseOpened(
            case_id=self.id,
            number="CASE-2026-000001",
            account_id=ACCOUNT,
            channel="portal",
            description="Màn hình đen trong phòng họp",
            observed_impact="down",
            severity="critical",
            priority="P1",
            product_number="875K5AA",
            serial="8LTEST0001",
            language="vi",
            opened_at=self.opened_at,
            by="customer:1",
            by_role="customer",
        )

    def corrected(self, *, description: str | None = None, minutes: float = 30, **right: Any) -> CaseCorrected:
        what = {"serial": "unit", "language": "language"}
        named = [what[each] for each in right if each in what]
        told = {
            "case_id": self.id,
            "correction_id": new_id(),
            "what": [*named, "description"] if description else named,
            "old": CaseNames(),
            "new": CaseNames(**right),
            "description": description,
            "reason": "typed wrongly",
            "corrected_at": self.at(minutes),
            **WHO,
        }
        return CaseCorrected.model_validate(told)

    def covered(self, revision: int = 1, model: str = "X70") -> CoverageDecided:
        site = Site(site_id=UUID(int=3), city="HCMC", country="VN", time_zone="Asia/Ho_Chi_Minh", opening_hours=[])
        return CoverageDecided(
            case_id=self.id,
            account_id=ACCOUNT,
            revision=revision,
            covered=True,
            reason="active_contract",
            account=Account(id=ACCOUNT, name="Acme"),
            site=site,
            decided_at=self.at(revision),
            contact=Contact(contact_id=CONTACT, language="vi"),
            product=Product(product_number="875K5AA", serial="8LTEST0001", family="Studio X", model=model),
        )

    def diagnosed(
        self, minutes: float = 5, *, domain: Any = "partner_environment", partner: bool = True, name: str = "diagnosis"
    ) -> FaultDiagnosed:
        return FaultDiagnosed(
            case_id=self.id,
            diagnosis_id=uuid5(self.id, name),
            component="camera",
            fault_code="CAM-ROOMS",
            domain=domain,
            remedy="partner_ticket" if partner else "guidance",
            partner_id=self.partner_id if partner else None,
            findings="Lỗi chỉ xảy ra trong Teams Rooms",
            confidence="high",
            diagnosed_by="engineer:1",
            diagnosed_at=self.at(minutes),
        )

    def asked(
        self, minutes: float = 10, *, consent: bool = True, partner_id: UUID | None = None
    ) -> PartnerTicketRequested:
        return PartnerTicketRequested(
            case_id=self.id,
            request_id=uuid5(self.id, f"request {minutes}"),
            partner_id=partner_id or self.partner_id,
            consent=consent,
            message="Xin hỗ trợ gấp",
            by="customer:1",
            by_role="customer",
            requested_at=self.at(minutes),
        )

    def no_more_shared(self, minutes: float = 40, *, partner_id: UUID | None = None) -> PartnerConsentWithdrawn:
        return PartnerConsentWithdrawn(
            case_id=self.id,
            partner_id=partner_id or self.partner_id,
            message="Xin đừng chia sẻ nữa",
            by="customer:1",
            by_role="customer",
            withdrawn_at=self.at(minutes),
        )

    def withdrawn(self, minutes: float = 20) -> DiagnosisWithdrawn:
        return DiagnosisWithdrawn(
            case_id=self.id,
            diagnosis_id=self.diagnosis_id,
            reason="not the camera",
            by="engineer:1",
            withdrawn_at=self.at(minutes),
        )

    def noted(
        self, text: str, minutes: float = 30, *, origin: NoteOrigin = "customer", source_id: UUID | None = None
    ) -> NoteAdded:
        return NoteAdded(
            case_id=self.id,
            note_id=uuid5(self.id, text),
            origin=origin,
            text=text,
            source_id=source_id,
            by="customer:1",
            by_role="customer",
            added_at=self.at(minutes),
        )

    def resolved(self, minutes: float = 40) -> CaseResolved:
        return CaseResolved(case_id=self.id, resolution="fixed", resolved_at=self.at(minutes), **WHO)

    def reopened(self, minutes: float = 50) -> CaseReopened:
        return CaseReopened(case_id=self.id, epoch=2, reason="again", reopened_at=self.at(minutes), **WHO)

    def closed(self, minutes: float = 60) -> CaseClosed:
        return CaseClosed(case_id=self.id, closed_at=self.at(minutes), **WHO)

    def cancelled(self, minutes: float = 60) -> CaseCancelled:
        return CaseCancelled(case_id=self.id, reason="not needed", cancelled_at=self.at(minutes), **WHO)


class PartnerSystem:
    """The partner's ticket system as its own people see it."""

    def __init__(self, url: str, http: httpx.AsyncClient, owes_nothing: Callable[[], bool]) -> None:
        self.url, self.http, self._owes_nothing = url, http, owes_nothing

    async def tickets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.http.get(PATH)).json()
        return found

    async def has_a_ticket(self, reference: str, **fields: Any) -> dict[str, Any]:
        """Somebody opened one under this reference: another customer of theirs, or an engineer by hand."""
        body = {
            "@type": "TroubleTicket",
            "description": "No sound",
            "severity": "minor",
            "ticketType": "incident",
            "externalIdentifier": [{"@type": "ExternalIdentifier", "id": reference}],
        }
        answer = await self.http.post(PATH, json=body | fields)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def does(self, ecps: Harness, case: ACase, what: str, **body: Any) -> None:
        """Their engineer acts, and the service has been told."""
        number = (await an_engagement(ecps, case))["ticket_number"]
        answer = await self.http.post(f"/simulate/tickets/{number}/{what}", json=body)
        assert answer.status_code == 200, answer.text
        await self.told()

    async def told(self) -> None:
        """Every notice has been delivered."""
        await until_async(self._owes_nothing, seconds=20, otherwise="the partner still has something to tell")

    async def faults(self, **faults: Any) -> None:
        assert (await self.http.put("/simulate/faults", json=faults)).status_code == 200


async def a_partner(
    ecps: Harness, company: PartnerSystem | None = None, *, id: UUID = PARTNER, **fields: Any
) -> dict[str, Any]:
    """An approved strategic partner that permits direct work; with `company` its tickets are opened there."""
    body: dict[str, Any] = {
        "code": "cloud",
        "name": "Cloud",
        "approved_strategic": True,
        "permits_direct_work": True,
        "requires_agreement": False,
        "environments": ["Teams Rooms"],
        "response_minutes": 30,
        "procedure": LEVELS,
        "contact": {"name": "Cloud support", "email": "help@cloud.example", "url": "https://cloud.example/help"},
    }
    if company:
        body |= {"connector": "tmf621", "base_url": company.url, "credentials": {"token": "s3cret"}}
    with next_id("libs.kit.patch", id):
        answer = await ecps.post("/v1/partners", body | fields, role="manager")
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def a_case_with_wish(ecps: Harness, *, consent: bool = True, partner_id: UUID = PARTNER) -> ACase:
    """Diagnosed as the partner's, and the customer asked."""
    case = ACase(await ecps.now() - timedelta(hours=1), partner_id)
    told = case.opened(), case.diagnosed(), case.asked(consent=consent)
    await ecps.deliver(case.covered(), *told, together=True)
    return case


async def an_opened_engagement(ecps: Harness, **partner: Any) -> ACase:
    """With a ticket whose number an engineer has recorded."""
    made = await a_partner(ecps, **partner)
    case = await a_case_with_wish(ecps, partner_id=UUID(made["id"]))
    answer = await ecps.post(f"{case.path}/ticket", {"ticket_number": "TT-1"})
    assert answer.status_code == 200, answer.text
    return case


async def notice(ecps: Harness, at: float = 0, secret: str = SECRET, **fields: Any) -> httpx.Response:
    """A signed notice as the partner's system sends it."""
    told = {
        "event_id": str(new_id()),
        "partner_reference": "TT-1",
        "kind": "status",
        "status": "inProgress",
        "occurred_at": (await ecps.now()).isoformat(),
    }
    body = json.dumps(told | fields).encode()
    headers = signed_headers(secret_bytes(secret), str(new_id()), body, int(time.time() + at))
    return await ecps.http.post("/v1/partner-events", content=body, headers=headers)


def doubts(what: str) -> float:
    """How often the operator was told of this."""
    return REGISTRY.get_sample_value("polyplus_partner_doubts_total", {"what": what}) or 0


async def an_engagement(ecps: Harness, case: ACase) -> dict[str, Any]:
    answer = await ecps.get(case.path)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def pass_minutes(ecps: Harness, minutes: int) -> None:
    """One after the other, with the calls that are due in each."""
    for _ in range(minutes):
        await ecps.advance(timedelta(minutes=1))
        await ecps.run_jobs()


async def open_and_crash(ecps: Harness, case: ACase) -> None:
    """The call that opens the ticket is made, and its process is gone before it is recorded."""
    async with ecps.transaction() as tx:
        row = await tx.connection.fetchrow("UPDATE jobs SET attempt = 1 RETURNING *")
        assert row is not None
        told = await ticket_to_open(await Engagement.get(case.engagement_id, tx), tx)
    payload = {**json.loads(row["payload"]), **told}
    run = JobRun(row["id"], case.engagement_id, row["kind"], row["reference"], payload, 1)
    async with ecps.service.jobs.client() as http:
        await open_ticket(run, http)

"""The events that escalation hears, with everything that does not matter filled in."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import httpx

from libs.bus.envelope import Delivery
from libs.events import Event
from libs.events.cases import (
    CaseAssigned,
    CaseCancelled,
    CaseClosed,
    CaseOpened,
    CasePending,
    CaseReopened,
    CaseResolved,
    CaseResumed,
    CaseRouted,
    CasesMerged,
    SeverityChanged,
)
from libs.events.cases_work import FaultDiagnosed, FirstResponseSent, NoteAdded
from libs.events.ecps import PartnerSilent
from libs.events.entitlements import CoverageDecided
from libs.events.gateway import PersonState
from libs.events.rma import DeliveryPromiseMissed
from libs.events.rma_returns import RepeatReplacementDetected
from libs.events.values import Account, Priority, Product, Severity, Site, Wait
from libs.store.ids import new_id
from tests.support.harness import Harness
from tests.support.people import LAN

ACCOUNT = UUID(int=7)
PARTNER = UUID(int=9)
WHO: dict[str, Any] = {"by": "engineer:1", "by_role": "engineer"}
PRIORITY: dict[Severity, Priority] = {"critical": "P1", "major": "P2", "moderate": "P3", "minor": "P4"}


class ACase:
    """One case and what happens to it; each method is an event at `minutes` after its opening."""

    def __init__(self, opened_at: datetime | None = None, severity: Severity = "critical") -> None:
        self.id, self.opened_at, self.severity = new_id(), opened_at or datetime.now(UTC), severity

    def at(self, minutes: float) -> datetime:
        return self.opened_at + timedelta(minutes=minutes)

    def named(self, name: str) -> UUID:
        return uuid5(self.id, name)

    def opened(self, account_id: UUID = ACCOUNT) -> CaseOpened:
        return CaseOpened(
            case_id=self.id,
            number="CASE-2026-000001",
            account_id=account_id,
            channel="portal",
            description="The camera is dark",
            observed_impact="down",
            severity=self.severity,
            priority=PRIORITY[self.severity],
            language="vi",
            opened_at=self.opened_at,
            by="customer:1",
            by_role="customer",
        )

    def severity_changed(self, to: Severity, minutes: float) -> SeverityChanged:
        old, self.severity = self.severity, to
        return SeverityChanged(
            case_id=self.id,
            old_severity=old,
            severity=to,
            old_priority=PRIORITY[old],
            priority=PRIORITY[to],
            customer_severity=old,
            reason="More rooms are down",
            changed_at=self.at(minutes),
            **WHO,
        )

    def assigned(self, minutes: float) -> CaseAssigned:
        return CaseAssigned(
            case_id=self.id,
            assignee_id=id_of("Binh"),
            assigned_at=self.at(minutes),
            **WHO,
        )

    def handed_over(self, minutes: float) -> CaseRouted:
        return CaseRouted(
            case_id=self.id,
            queue="night",
            previous_assignee_id=id_of("Binh"),
            reason="handed over",
            by=WHO["by"],
            routed_at=self.at(minutes),
        )

    def routed(self, queue: str, minutes: float, previous: str | None = None) -> CaseRouted:
        return CaseRouted(
            case_id=self.id,
            queue=queue,
            previous_assignee_id=id_of(previous) if previous else None,
            reason="the shift on duty",
            by="system:cases",
            routed_at=self.at(minutes),
        )

    def given(self, who: str | None, minutes: float) -> CaseAssigned:
        """To somebody, by name."""
        return self.assigned(minutes).model_copy(update={"assignee_id": id_of(who) if who else None})

    def responded(self, minutes: float) -> FirstResponseSent:
        return FirstResponseSent(
            case_id=self.id,
            note_id=new_id(),
            response_seconds=int(minutes * 60),
            by="engineer:1",
            sent_at=self.at(minutes),
        )

    def noted(self, minutes: float, origin: Any = "support", repeats: UUID | None = None) -> NoteAdded:
        return NoteAdded(
            case_id=self.id,
            repeats=repeats,
            note_id=new_id(),
            origin=origin,
            text="We look into it",
            added_at=self.at(minutes),
            **WHO,
        )

    def pending(self, wait: Wait, minutes: float, *, takes_back: bool = False, name: str = "") -> CasePending:
        return CasePending(
            case_id=self.id,
            wait_id=self.named(f"wait {wait}{name}"),
            wait=wait,
            waits=[wait],
            by="engineer:1",
            since=self.at(minutes),
            takes_back_resolution=takes_back,
        )

    def resumed(self, wait: Wait, minutes: float, *, name: str = "") -> CaseResumed:
        return CaseResumed(
            case_id=self.id,
            wait_id=self.named(f"wait {wait}{name}"),
            wait=wait,
            reason="answered",
            waited_seconds=0,
            by="customer:1",
            resumed_at=self.at(minutes),
        )

    def diagnosed(self, minutes: float, domain: Any = "partner_environment") -> FaultDiagnosed:
        return FaultDiagnosed(
            case_id=self.id,
            diagnosis_id=self.named(f"diagnosis {domain}"),
            component="camera",
            fault_code="CAM-1",
            domain=domain,
            remedy="partner_ticket",
            partner_id=PARTNER,
            findings="dark",
            confidence="high",
            diagnosed_by="engineer:1",
            diagnosed_at=self.at(minutes),
        )

    def resolved(self, minutes: float) -> CaseResolved:
        return CaseResolved(case_id=self.id, resolution="replaced", resolved_at=self.at(minutes), **WHO)

    def reopened(self, minutes: float, epoch: int = 2) -> CaseReopened:
        return CaseReopened(case_id=self.id, epoch=epoch, reason="dark again", reopened_at=self.at(minutes), **WHO)

    def closed(self, minutes: float) -> CaseClosed:
        return CaseClosed(case_id=self.id, closed_at=self.at(minutes), **WHO)

    def merged(self, into: "ACase", minutes: float, opened_at: datetime | None = None) -> CasesMerged:
        return CasesMerged(
            case_id=self.id,
            into=into.id,
            opened_at=opened_at or self.opened_at,
            reason="asked twice",
            merged_at=self.at(minutes),
            **WHO,
        )

    def cancelled(self, minutes: float) -> CaseCancelled:
        return CaseCancelled(case_id=self.id, reason="not needed", cancelled_at=self.at(minutes), **WHO)

    def covered(self, plan: str = "poly-plus", revision: int = 1, **place: Any) -> CoverageDecided:
        where: dict[str, Any] = {"city": "HCMC", "country": "VN", "time_zone": "Asia/Ho_Chi_Minh", **place}
        site = Site(site_id=UUID(int=3), opening_hours=[], **where)
        return CoverageDecided(
            case_id=self.id,
            account_id=ACCOUNT,
            revision=revision,
            covered=True,
            reason="active_contract",
            plan=plan,
            account=Account(id=ACCOUNT, name="Acme"),
            site=site,
            product=Product(product_number="875K5AA", family="Studio X", model="X70"),
            decided_at=self.opened_at,
        )

    def contract_date_missed(self, minutes: float) -> DeliveryPromiseMissed:
        return DeliveryPromiseMissed(
            rma_id=self.named("rma"),
            case_id=self.id,
            diagnosis_id=self.named("diagnosis"),
            contract_due=date(2026, 3, 3),
            missed_at=self.at(minutes),
        )

    def repeat_replacement(self, minutes: float) -> RepeatReplacementDetected:
        return RepeatReplacementDetected(
            rma_id=self.named("rma"),
            case_id=self.id,
            diagnosis_id=self.named("diagnosis"),
            earlier_rma_ids=[new_id()],
            product_number="875K5AA",
            component="camera",
            within_days=90,
            detected_at=self.at(minutes),
        )

    def partner_silent(self, minutes: float) -> PartnerSilent:
        return PartnerSilent(
            engagement_id=self.named("engagement"),
            case_id=self.id,
            diagnosis_id=self.named("diagnosis"),
            partner_id=PARTNER,
            partner_name="Cloud",
            response_due=self.at(minutes),
            level=1,
            silent_at=self.at(minutes),
        )


def pointers(answer: httpx.Response) -> list[str]:
    """Where a refused request is wrong."""
    return [each["pointer"] for each in answer.json()["errors"]]


async def a_case(escalation: Harness, severity: Severity = "critical", **opened: Any) -> ACase:
    """A case that was opened just now."""
    case = ACase(await escalation.now(), severity)
    await escalation.deliver(case.opened(**opened))
    return case


async def now_after(escalation: Harness, case: ACase) -> float:
    """Minutes since the opening, by the service's clock."""
    return (await escalation.now() - case.opened_at).total_seconds() / 60


def delivered_at(escalation: Harness, event: Event, at: datetime) -> Delivery:
    """The event as its producer's clock stamps it."""
    return escalation.delivery(event, at=at)


def id_of(name: str) -> UUID:
    """The id of one of our own people."""
    return uuid5(PARTNER, name)


def a_person(name: str) -> PersonState:
    """One of our own people, as the gateway tells it."""
    return LAN.model_copy(update={"name": name, "display_name": name, "email": f"{name.lower()}@polyplus.example"})


OUR_PEOPLE = {id_of(name): a_person(name) for name in ("An", "Binh", "Chi", "Dung", "Em", "Anybody", "Urgent", "Calm")}


def a_rota(
    name: str = "Duty managers", purpose: str = "duty_manager", people: tuple[str, ...] = ("Chi",)
) -> dict[str, Any]:
    """Everybody in turn, a week each, handing over at 09:00 in Ho Chi Minh City on Mondays."""
    layer = {
        "name": "primary",
        "time_zone": "Asia/Ho_Chi_Minh",
        "people": [str(id_of(each)) for each in people],
        "starts_on": "2025-01-06",
    }
    return {"name": name, "purpose": purpose, "layers": [layer]}


async def an_expert(escalation: Harness, name: str, **more: Any) -> str:
    """Somebody of ours, called so, who knows something."""
    await escalation.learn({id_of(name): a_person(name)})
    body = {"person_id": str(id_of(name)), "skills": {"domains": ["partner_environment"]}, **more}
    made = await escalation.post("/v1/experts", body, role="manager")
    assert made.status_code == 201, made.text
    return str(made.json()["id"])

"""Requests and foreign facts with sensible values, to be varied where a test cares."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from libs.events import Event
from libs.events.devices import DeviceAlertCleared, DeviceAlertRaised
from libs.events.ecps import (
    PartnerInformationRequired,
    PartnerTicketOpened,
    PartnerTicketReopened,
    PartnerTicketResolved,
    PartnerTicketUpdated,
)
from libs.events.entitlements import CoverageDecided
from libs.events.escalation import ClockKind, ClockMet, ClockPaused, ClockResumed, ClockStarted, ClockStopped
from libs.events.onsite import TechnicianDelayed, VisitCompleted, VisitRescheduled, VisitScheduled
from libs.events.rma import PartDelivered, PartShipped, ReplacementInstalled
from libs.events.values import Account, Product, Site, Window
from tests.support.harness import Harness

ACCOUNT = UUID("11111111-1111-4111-8111-111111111111")
OTHER = UUID("22222222-2222-4222-8222-222222222222")
RMA, WORK_ORDER, ENGAGEMENT, DIAGNOSIS, PARTNER = (uuid4() for _ in range(5))
LAN_ID = UUID("33333333-3333-4333-8333-333333333333")
"""An engineer of ours."""
CUSTOMER: dict[str, Any] = {"role": "customer", "accounts": [ACCOUNT]}
STRANGER: dict[str, Any] = {"role": "customer", "accounts": [OTHER]}


def a_request(**fields: Any) -> dict[str, Any]:
    return {
        "description": "Camera của Studio X70 không nhận hình trong cuộc họp",
        "observed_impact": "down",
        "severity": "critical",
        "product_number": "83Z52AA",
        "serial": "SN-1",
        "language": "vi",
        **fields,
    }


def a_fault(**fields: Any) -> dict[str, Any]:
    return {
        "component": "camera_module",
        "fault_code": "CAM-NO-VIDEO",
        "domain": "hardware",
        "remedy": "onsite_replacement",
        "part_number": "CAM-X70-01",
        "findings": "No video after a factory reset.",
        "confidence": "high",
        **fields,
    }


async def opened(h: Harness, **fields: Any) -> UUID:
    answer = await h.post("/v1/cases", a_request(**fields), **CUSTOMER)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


async def in_progress(h: Harness, **fields: Any) -> UUID:
    case_id = await opened(h, **fields)
    await did(h, case_id, "assign")
    return case_id


async def resolved(h: Harness, **fields: Any) -> UUID:
    case_id = await in_progress(h, **fields)
    await did(h, case_id, "resolve", {"resolution": "replaced the camera"})
    return case_id


async def did(h: Harness, case_id: UUID, what: str, body: Any = None, **how: Any) -> dict[str, Any]:
    answer = await h.post(f"/v1/cases/{case_id}/{what}", body, **how)
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def shown(h: Harness, case_id: UUID) -> dict[str, Any]:
    answer = await h.get(f"/v1/cases/{case_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def waits_of(case: dict[str, Any]) -> list[str]:
    return [w["kind"] for w in case["waits"] if w["ended_at"] is None]


_LATER = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)


def at(minutes: int) -> datetime:
    """An instant after any case that a test opens, unless it moves the clock."""
    return _LATER + timedelta(minutes=minutes)


def coverage(case_id: UUID, **fields: Any) -> CoverageDecided:
    site = Site(
        site_id=uuid4(),
        city="HCMC",
        country="VN",
        time_zone="Asia/Ho_Chi_Minh",
        opening_hours=[],
    )
    product = Product(product_number="83Z52AA", serial="SN-1", family="studio", model="Studio X70")
    known: dict[str, Any] = {
        "case_id": case_id,
        "account_id": ACCOUNT,
        "revision": 1,
        "covered": True,
        "reason": "active_contract",
        "plan": "poly_plus_onsite",
        "onsite": True,
        "account": Account(id=ACCOUNT, name="Sao Mai"),
        "site": site,
        "product": product,
        "decided_at": at(1),
    }
    return CoverageDecided(**{**known, **fields})


def part_shipped(case_id: UUID, when: datetime, rma_id: UUID = RMA) -> PartShipped:
    return PartShipped(
        rma_id=rma_id,
        case_id=case_id,
        diagnosis_id=DIAGNOSIS,
        number="RMA-2026-000001",
        part_number="CAM-X70-01",
        whole_unit=False,
        component="camera_module",
        depot_id=uuid4(),
        carrier="express",
        tracking="T1",
        promised=date(2026, 3, 4),
        promised_by=when,
        contract_due=date(2026, 3, 4),
        shipped_at=when,
    )


def part_delivered(case_id: UUID, when: datetime, rma_id: UUID = RMA) -> PartDelivered:
    return PartDelivered(
        rma_id=rma_id,
        case_id=case_id,
        diagnosis_id=DIAGNOSIS,
        part_number="CAM-X70-01",
        contract_due=date(2026, 3, 4),
        in_time=True,
        delivered_at=when,
    )


def replacement_installed(case_id: UUID, when: datetime, **fields: Any) -> ReplacementInstalled:
    known: dict[str, Any] = {
        "rma_id": RMA,
        "case_id": case_id,
        "diagnosis_id": DIAGNOSIS,
        "product_number": "83Z52AA",
        "whole_unit": False,
        "component": "camera_module",
        "installed_by": "customer",
        "by": "customer:an",
        "installed_at": when,
    }
    return ReplacementInstalled(**{**known, **fields})


def visit_scheduled(case_id: UUID, when: datetime) -> VisitScheduled:
    window = Window(starts=when + timedelta(hours=20), ends=when + timedelta(hours=22))
    return VisitScheduled(
        work_order_id=WORK_ORDER,
        appointment_id=uuid4(),
        case_id=case_id,
        diagnosis_id=DIAGNOSIS,
        window=window,
        time_zone="Asia/Ho_Chi_Minh",
        technician_id=uuid4(),
        chosen_by="policy",
        by="system",
        scheduled_at=when,
    )


def visit_lost_its_time(scheduled: VisitScheduled, when: datetime) -> VisitRescheduled:
    """Another is asked for: 09:00 in Ho Chi Minh City is one."""
    starts = datetime(2026, 3, 12, 2, tzinfo=UTC)
    return VisitRescheduled(
        work_order_id=scheduled.work_order_id,
        old_appointment_id=scheduled.appointment_id,
        case_id=scheduled.case_id,
        diagnosis_id=scheduled.diagnosis_id,
        old=scheduled.window,
        waiting_for="customer_choice",
        alternatives=[Window(starts=starts, ends=starts + timedelta(hours=1))],
        time_zone=scheduled.time_zone,
        reason="technician_absent",
        by="system:onsite",
        by_role="system",
        rescheduled_at=when,
    )


def technician_delayed(scheduled: VisitScheduled, when: datetime) -> TechnicianDelayed:
    """To 09:00 in Ho Chi Minh City."""
    known = {"work_order_id", "appointment_id", "case_id", "diagnosis_id", "technician_id", "window", "time_zone"}
    return TechnicianDelayed(
        **scheduled.model_dump(include=known),
        expected_at=datetime(2026, 3, 12, 2, tzinfo=UTC),
        cause="said",
        reason="flat tyre",
        by="technician:1",
        delayed_at=when,
    )


def visit_completed(case_id: UUID, when: datetime) -> VisitCompleted:
    return VisitCompleted(
        work_order_id=WORK_ORDER,
        appointment_id=uuid4(),
        case_id=case_id,
        diagnosis_id=DIAGNOSIS,
        technician_id=uuid4(),
        serials_in=["CAM-2"],
        serials_out=["CAM-1"],
        signed_off_by=uuid4(),
        verified_by=uuid4(),
        note="Camera đã hoạt động.",
        arrived_at=when,
        completed_at=when,
    )


def _ticket(case_id: UUID) -> dict[str, Any]:
    return {
        "engagement_id": ENGAGEMENT,
        "case_id": case_id,
        "diagnosis_id": DIAGNOSIS,
        "partner_id": PARTNER,
        "partner_name": "Example Meetings",
        "ticket_number": "EM-900417",
    }


def ticket_opened(case_id: UUID, when: datetime) -> PartnerTicketOpened:
    return PartnerTicketOpened(**_ticket(case_id), our_reference="PE-1", response_seconds=60, opened_at=when)


def ticket_updated(case_id: UUID, when: datetime, **fields: Any) -> PartnerTicketUpdated:
    known = {"text": "We are looking into it.", "update_id": uuid4(), "occurred_at": when}
    return PartnerTicketUpdated(**{**_ticket(case_id), **known, **fields})


def information_required(case_id: UUID, when: datetime) -> PartnerInformationRequired:
    return PartnerInformationRequired(**_ticket(case_id), update_id=uuid4(), needed="the tenant's id", required_at=when)


def ticket_reopened(case_id: UUID, when: datetime, **fields: Any) -> PartnerTicketReopened:
    return PartnerTicketReopened(**_ticket(case_id), update_id=uuid4(), reopened_at=when, **fields)


def ticket_resolved(case_id: UUID, when: datetime) -> PartnerTicketResolved:
    return PartnerTicketResolved(**_ticket(case_id), resolution="Fixed on our side.", resolved_at=when)


class Clock:
    """The events of one of escalation's clocks, each due at the instant that is named."""

    def __init__(self, case_id: UUID, kind: ClockKind, id: UUID | None = None) -> None:
        self._is: dict[str, Any] = {"clock_id": id or uuid4(), "case_id": case_id, "clock": kind, "epoch": 1}

    def started(self, due: datetime) -> ClockStarted:
        policy: dict[str, Any] = {"priority": "P1", "target_seconds": 3600, "policy_version": 1}
        return ClockStarted(**self._is, **policy, started_at=due - timedelta(hours=1), due_at=due)

    def paused(self) -> ClockPaused:
        return ClockPaused(**self._is, wait="customer", remaining_seconds=60, paused_at=at(0))

    def resumed(self, due: datetime) -> ClockResumed:
        return ClockResumed(**self._is, paused_seconds=60, resumed_at=at(0), due_at=due)

    def met(self) -> ClockMet:
        return ClockMet(**self._is, elapsed_seconds=60, in_time=True, due_at=at(0), met_at=at(0))

    def stopped(self) -> ClockStopped:
        return ClockStopped(**self._is, reason="the case was closed", stopped_at=at(0))


def alert_raised(**fields: Any) -> DeviceAlertRaised:
    known: dict[str, Any] = {
        "device_id": uuid4(),
        "alert_id": uuid4(),
        "account_id": ACCOUNT,
        "product_number": "83Z52AA",
        "serial": "SN-1",
        "family": "studio",
        "contact_id": uuid4(),
        "language": "vi",
        "rule": "camera_lost",
        "severity": "critical",
        "observed_impact": "down",
        "text": "The camera is gone.",
        "raised_at": at(-5),
    }
    return DeviceAlertRaised(**{**known, **fields})


def alert_cleared(raised: DeviceAlertRaised) -> DeviceAlertCleared:
    return DeviceAlertCleared(
        device_id=raised.device_id,
        alert_id=raised.alert_id,
        account_id=raised.account_id,
        serial=raised.serial,
        product_number=raised.product_number,
        rule=raised.rule,
        cleared_at=at(5),
    )


def names(events: list[Event]) -> list[str]:
    return [type(e).__name__ for e in events]

"""The story as onsite hears it: a Studio X70 in Ho Chi Minh City, its camera, its part, its technician."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from libs.events.cases import CaseCancelled
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed
from libs.events.entitlements import ContactState, CoverageDecided, SiteState
from libs.events.rma import (
    DeliveryPromiseChanged,
    PartBackordered,
    PartDeadOnArrival,
    PartDelivered,
    PartLost,
    PartReserved,
    PartShipped,
)
from libs.events.values import Account, Contact, OpeningHours, Product, Site
from services.onsite.model.work_order import WorkOrder
from tests.support.harness import Harness
from tests.support.ids import next_id

MONDAY = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)  # 09:00 in Ho Chi Minh City (UTC+7)
NAMES = UUID("0190a000-0000-7000-8000-000000000000")


def an_id(name: str) -> UUID:
    return uuid5(NAMES, name)


CASE, ACCOUNT, DIAGNOSIS, RMA = (an_id(name) for name in ("case", "account", "diagnosis", "rma"))
SITE, CONTACT, AN, BINH = (an_id(name) for name in ("site", "contact", "An", "Bình"))
ORDER = WorkOrder.id_for(DIAGNOSIS)
PATH = f"/v1/work-orders/{ORDER}"
PROMISED = datetime(2026, 3, 3, 10, 0, tzinfo=UTC)  # Tuesday, 17:00 there
WEDNESDAY = datetime(2026, 3, 4, 2, 0, tzinfo=UTC)  # 09:00 there
BEN_THANH, THU_DUC = (10.7725, 106.6980), (10.8494, 106.7537)


NGOC = ContactState(account_id=ACCOUNT, name="Ngọc", phone="+84 28 5550 0100", language="vi", authorised=True)
HEAD_OFFICE = SiteState(account_id=ACCOUNT, name="Head office", address_lines=["1 Lê Lợi"])


def a_site(**changed: Any) -> Site:
    hours = [OpeningHours(weekdays=[0, 1, 2, 3, 4], opens="09:00", closes="17:00")]
    fields: dict[str, Any] = {
        "site_id": SITE,
        "city": "Hồ Chí Minh",
        "country": "VN",
        "time_zone": "Asia/Ho_Chi_Minh",
        "opening_hours": hours,
    }
    return Site(**{**fields, **changed})


def a_decision(**changed: Any) -> CoverageDecided:
    account_id = changed.get("account_id", ACCOUNT)
    fields: dict[str, Any] = {
        "case_id": CASE,
        "account_id": account_id,
        "revision": 1,
        "covered": True,
        "reason": "active_contract",
        "plan": "poly-plus",
        "options": ["onsite"],
        "onsite": True,
        "account": Account(id=account_id, name="Sao Mai"),
        "site": a_site(),
        "contact": Contact(contact_id=CONTACT, language="vi", authorised=True),
        "product": Product(product_number="7200-87300", serial="X70-1", family="Studio", model="Studio X70"),
        "decided_at": MONDAY,
    }
    return CoverageDecided(**{**fields, **changed})


def a_diagnosis(**changed: Any) -> FaultDiagnosed:
    fields: dict[str, Any] = {
        "case_id": CASE,
        "diagnosis_id": DIAGNOSIS,
        "component": "camera",
        "fault_code": "CAM-01",
        "domain": "hardware",
        "remedy": "onsite_replacement",
        "part_number": "CAM-70",
        "findings": "No picture.",
        "confidence": "high",
        "diagnosed_by": "engineer",
        "diagnosed_at": MONDAY + timedelta(minutes=5),
    }
    return FaultDiagnosed(**{**fields, **changed})


def a_reservation(**changed: Any) -> PartReserved:
    fields: dict[str, Any] = {
        "rma_id": RMA,
        "case_id": CASE,
        "diagnosis_id": DIAGNOSIS,
        "part_number": "CAM-70",
        "depot_id": an_id("depot"),
        "promised": date(2026, 3, 3),
        "promised_by": PROMISED,
        "contract_due": date(2026, 3, 3),
        "reasons": [],
        "reserved_at": MONDAY + timedelta(minutes=6),
    }
    return PartReserved(**{**fields, **changed})


def a_shipment(**changed: Any) -> PartShipped:
    fields: dict[str, Any] = {
        "rma_id": RMA,
        "case_id": CASE,
        "diagnosis_id": DIAGNOSIS,
        "number": "RMA-2026-000001",
        "part_number": "CAM-70",
        "whole_unit": False,
        "component": "camera",
        "serial": "CAM-NEW",
        "depot_id": an_id("depot"),
        "carrier": "sim",
        "tracking": "T1",
        "promised": date(2026, 3, 3),
        "promised_by": PROMISED,
        "contract_due": date(2026, 3, 3),
        "onsite": True,
        "shipped_at": MONDAY + timedelta(hours=2),
    }
    return PartShipped(**{**fields, **changed})


def a_delivery(**changed: Any) -> PartDelivered:
    fields: dict[str, Any] = {
        "rma_id": RMA,
        "case_id": CASE,
        "diagnosis_id": DIAGNOSIS,
        "part_number": "CAM-70",
        "serial": "CAM-NEW",
        "contract_due": date(2026, 3, 3),
        "in_time": True,
        "onsite": True,
        "delivered_at": PROMISED - timedelta(hours=3),
    }
    return PartDelivered(**{**fields, **changed})


def a_new_promise(by: datetime, **changed: Any) -> DeliveryPromiseChanged:
    fields: dict[str, Any] = {
        "rma_id": RMA,
        "case_id": CASE,
        "diagnosis_id": DIAGNOSIS,
        "new": by.date(),
        "promised_by": by,
        "contract_due": date(2026, 3, 3),
        "cause": "carrier",
        "reasons": [],
        "changed_at": MONDAY + timedelta(hours=3),
    }
    return DeliveryPromiseChanged(**{**fields, **changed})


def a_loss(replaced_by: UUID | None = None) -> PartLost:
    return PartLost(
        rma_id=RMA,
        case_id=CASE,
        diagnosis_id=DIAGNOSIS,
        replaced_by_rma_id=replaced_by,
        reason="carrier",
        lost_at=MONDAY + timedelta(hours=4),
    )


def a_dead_part(replaced_by: UUID | None = None) -> PartDeadOnArrival:
    return PartDeadOnArrival(
        rma_id=RMA,
        case_id=CASE,
        diagnosis_id=DIAGNOSIS,
        part_number="CAM-70",
        replaced_by_rma_id=replaced_by,
        by="depot",
        reported_at=WEDNESDAY + timedelta(hours=1),
    )


def a_backorder() -> PartBackordered:
    return PartBackordered(
        rma_id=RMA,
        case_id=CASE,
        diagnosis_id=DIAGNOSIS,
        part_number="CAM-70",
        contract_due=date(2026, 3, 3),
        backordered_at=MONDAY + timedelta(minutes=6),
    )


def a_withdrawal() -> DiagnosisWithdrawn:
    return DiagnosisWithdrawn(
        case_id=CASE,
        diagnosis_id=DIAGNOSIS,
        reason="wrong finding",
        by="engineer",
        withdrawn_at=MONDAY + timedelta(hours=5),
    )


def a_cancellation() -> CaseCancelled:
    return CaseCancelled(
        case_id=CASE, reason="not needed", by="customer", by_role="customer", cancelled_at=MONDAY + timedelta(hours=5)
    )


async def a_technician(
    h: Harness, name: str = "An", home: tuple[float, float] | None = BEN_THANH, **changed: Any
) -> UUID:
    """Works on Studio units anywhere in Vietnam, 08:00–18:00 on weekdays. With a `person_id` the name is that one's."""
    body = {
        **({} if "person_id" in changed else {"name": name}),
        "authorisations": [{"family": "Studio"}],
        "territories": [{"country": "VN"}],
        "time_zone": "Asia/Ho_Chi_Minh",
        "home": {"latitude": home[0], "longitude": home[1]} if home else None,
        **changed,
    }
    with next_id("libs.kit.patch", an_id(name)):
        response = await h.post("/v1/technicians", body, role="manager")
    assert response.status_code == 201, response.text
    return an_id(name)


async def a_place(h: Harness, name: str = "Ho Chi Minh", at: tuple[float, float] = BEN_THANH) -> None:
    body = {"country": "VN", "name": name, "latitude": at[0], "longitude": at[1]}
    response = await h.post("/v1/places", body, role="manager")
    assert response.status_code == 201, response.text


async def a_planned_visit(h: Harness) -> None:
    """With An, on Wednesday at 09:00: the part is promised for Tuesday evening."""
    await a_technician(h)
    await a_place(h)
    await h.deliver(a_diagnosis(), a_decision(), a_reservation())


async def to_the_day(h: Harness) -> None:
    """Wednesday, 08:30 there; the part is at the site."""
    await h.deliver(a_shipment(), a_delivery())
    await h.advance(WEDNESDAY - timedelta(minutes=30) - await h.now())


async def do(
    h: Harness, what: str, body: Any = None, *, role: str = "technician", status: int = 200, **how: Any
) -> Any:
    """One command on the story's work order; the technician is An."""
    ids = {"technician_id": AN} if role == "technician" else {}
    response = await h.post(f"{PATH}/{what}", body, role=role, **{**ids, **how})
    assert response.status_code == status, response.text
    return response.json()


async def at_the_site(h: Harness) -> None:
    """An has arrived on time and checked in."""
    await a_planned_visit(h)
    await to_the_day(h)
    await do(h, "depart")
    await h.advance(timedelta(minutes=30))
    await do(h, "arrive")
    await do(h, "check-in", {"engineer": "Linh"})


async def work_done(h: Harness) -> None:
    """The camera is in and tested."""
    await do(h, "install", {"serial_in": "CAM-NEW", "serial_out": "CAM-OLD"})
    await do(h, "steps", {"work": "test", "name": "Picture", "passed": True})

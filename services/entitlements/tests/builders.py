"""What tests arrange: a Vietnamese company with a site, a contact, a product and a contract."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import httpx

from libs.events.cases import (
    CaseCancelled,
    CaseClosed,
    CaseCorrected,
    CaseNames,
    CaseOpened,
    CaseReopened,
    Corrected,
    CoverageOverridden,
    CoverageOverrideWithdrawn,
)
from libs.events.rma import ReplacementInstalled
from libs.store.ids import new_id
from tests.support.harness import Harness
from tests.support.ids import next_id

X70, SERIAL, SPARE = "8L531AA", "8LTEST0001FB", "8LTEST0002FB"
_MADE_BY = {"contracts": "create_contract", "registrations": "register_units"}
HOURS = [{"weekdays": [0, 1, 2, 3, 4], "opens": "08:00", "closes": "17:30"}]


@dataclass(frozen=True)
class Customer:
    account_id: UUID
    site_id: UUID
    contact_id: UUID


async def a_customer(h: Harness, company: str = "Công ty Cổ phần Sao Mai", **site: Any) -> Customer:
    account = await made(h, "accounts", name=company, country="VN", time_zone="Asia/Ho_Chi_Minh", language="vi")
    contact = await made(
        h,
        "contacts",
        account_id=account,
        name="Nguyễn Văn An",
        email="an@saomai.example",
        phone="+84 28 5550 0100",
        language="vi",
        authorised=True,
    )
    return Customer(UUID(account), UUID(await a_site(h, account, contact_id=contact, **site)), UUID(contact))


async def a_site(h: Harness, account_id: object, **fields: Any) -> str:
    address: dict[str, Any] = {
        "name": "Trụ sở Quận 1",
        "address_lines": ["Tầng 12, 45 Nguyễn Thị Minh Khai"],
        "city": "Thành phố Hồ Chí Minh",
        "region": "SG",
        "country": "VN",
        "time_zone": "Asia/Ho_Chi_Minh",
        "opening_hours": HOURS,
        "access_notes": "Gửi xe tầng hầm B2",
    }
    return await made(h, "sites", account_id=str(account_id), **{**address, **fields})


async def a_product(h: Harness, number: str = X70, **fields: Any) -> str:
    defaults: dict[str, Any] = {"model": "Studio X70", "family": "studio", "hardware_revisions": ["A", "B"]}
    return await made(h, "products", product_number=number, **{**defaults, **fields})


async def a_contract(h: Harness, account_id: UUID, *, days: int = 365, starts_in: int = 0, **fields: Any) -> str:
    """From today in Ho Chi Minh City, by the service's clock."""
    today = (await h.now() + timedelta(hours=7)).date() + timedelta(days=starts_in)
    term = {"starts_on": today.isoformat(), "ends_on": (today + timedelta(days=days - 1)).isoformat()}
    return await made(h, "contracts", account_id=str(account_id), **{**term, **fields})


async def onsite_in_vietnam(h: Harness) -> str:
    return await made(h, "onsite-rules", country="VN", family="studio", covered=True)


async def a_registration(h: Harness, customer: Customer, serial: str = SERIAL, **fields: Any) -> str:
    named: dict[str, Any] = {"site_id": str(customer.site_id), "product_number": X70, "hardware_revision": "B"}
    return await made(h, "registrations", account_id=str(customer.account_id), serial=serial, **{**named, **fields})


async def a_covered_customer(h: Harness, *, onsite: bool = True) -> Customer:
    """With a registered Studio X70 under a contract, the onsite option included."""
    customer = await a_customer(h)
    await a_product(h)
    await onsite_in_vietnam(h)
    await a_contract(h, customer.account_id, options=["onsite"] if onsite else [])
    await a_registration(h, customer)
    return customer


async def made(h: Harness, plural: str, **body: Any) -> str:
    """Made through the API, under an id that follows from what it says, so that two tellings of a story can be compared."""
    id = uuid5(NAMESPACE_OID, f"{plural} {json.dumps(body, sort_keys=True)}")
    module = f"services.entitlements.use_cases.{_MADE_BY[plural]}" if plural in _MADE_BY else "libs.kit.patch"
    with next_id(module, id):
        response = await h.post(f"/v1/{plural}", body, role="admin")
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def case_opened(account_id: UUID, **fields: Any) -> CaseOpened:
    facts: dict[str, Any] = {
        "case_id": new_id(),
        "number": "CASE-2026-000001",
        "account_id": account_id,
        "channel": "device",
        "description": "Camera không nhận hình",
        "observed_impact": "down",
        "severity": "critical",
        "priority": "P1",
        "product_number": X70,
        "serial": SERIAL,
        "language": "vi",
        "opened_at": datetime.now(UTC),
        "by": "system:devices",
        "by_role": "system",
    }
    return CaseOpened(**{**facts, **fields})


def case_closed(case_id: UUID) -> CaseClosed:
    return CaseClosed(case_id=case_id, by="system:cases", by_role="system", closed_at=datetime.now(UTC))


def case_cancelled(case_id: UUID) -> CaseCancelled:
    return CaseCancelled(
        case_id=case_id,
        reason="Opened by mistake",
        by="customer:an",
        by_role="customer",
        cancelled_at=datetime.now(UTC),
    )


def case_reopened(case_id: UUID) -> CaseReopened:
    return CaseReopened(
        case_id=case_id, epoch=2, reason="Lại hỏng", by="customer:an", by_role="customer", reopened_at=datetime.now(UTC)
    )


def corrected(case_id: UUID, **right: Any) -> CaseCorrected:
    """To a unit (`serial`), a site or a contact."""
    unit = {"product_number": X70} if "serial" in right else {}
    what: dict[str, Corrected] = {"serial": "unit", "site_id": "site", "contact_id": "contact", "language": "language"}
    return CaseCorrected(
        case_id=case_id,
        correction_id=new_id(),
        what=[what[each] for each in right if each in what],
        old=CaseNames(),
        new=CaseNames(**unit | right),
        reason="The label was read again",
        by="engineer:lan",
        by_role="engineer",
        corrected_at=datetime.now(UTC),
    )


def overridden(case_id: UUID, *, covered: bool, onsite: bool | None = None) -> CoverageOverridden:
    return CoverageOverridden(
        case_id=case_id,
        covered=covered,
        onsite=onsite,
        reason="Goodwill",
        by="manager:le",
        overridden_at=datetime.now(UTC),
    )


def word_taken_back(case_id: UUID) -> CoverageOverrideWithdrawn:
    return CoverageOverrideWithdrawn(
        case_id=case_id, reason="The contract is there", by="manager:le", withdrawn_at=datetime.now(UTC)
    )


def replaced(case_id: UUID, old: str = SERIAL, new: str = SPARE, **fields: Any) -> ReplacementInstalled:
    facts: dict[str, Any] = {
        "rma_id": new_id(),
        "case_id": case_id,
        "diagnosis_id": new_id(),
        "product_number": X70,
        "old_serial": old,
        "new_serial": new,
        "whole_unit": True,
        "component": "unit",
        "installed_by": "technician",
        "by": "technician:chau",
        "installed_at": datetime.now(UTC) + timedelta(minutes=1),
    }
    return ReplacementInstalled(**{**facts, **fields})


def named_in(refusal: httpx.Response) -> set[str]:
    """The properties that a refusal names: as wrong in the body, or as what it is about."""
    body = refusal.json()
    return {error["pointer"].split("/")[1] for error in body.get("errors", ())} | set(body)

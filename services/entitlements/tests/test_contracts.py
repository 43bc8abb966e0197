"""Contracts begin, are renewed and end by themselves; what they bring comes and goes with them."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.entitlements import (
    ContractActivated,
    ContractExpired,
    ContractExpiring,
    DiscountOffered,
    LicenceExpiring,
    LicenceIssued,
    RegistrationState,
)
from services.entitlements.model.contract import EXPIRING, Contract
from services.entitlements.tests.builders import (
    SERIAL,
    X70,
    a_contract,
    a_covered_customer,
    a_customer,
    a_product,
    a_registration,
    a_site,
    made,
)
from tests.support.harness import Harness

NOBODYS = "00000000-0000-4000-8000-000000000000"


async def coverage(h: Harness) -> dict[str, Any]:
    answer = await h.get(f"/v1/coverage?product_number={X70}&serial={SERIAL}")
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.promise("S13", "S22", "S28")
async def test_a_contract_begins_on_its_first_day_where_the_account_is_and_ends_after_its_last(
    entitlements: Harness,
) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await a_registration(entitlements, customer)
    contract = await a_contract(entitlements, customer.account_id, starts_in=3, days=10)
    before = await coverage(entitlements)

    await entitlements.advance(timedelta(days=3))
    during = await coverage(entitlements)
    await entitlements.advance(timedelta(days=10))
    after = await coverage(entitlements)

    assert [each["reason"] for each in (before, during, after)] == [
        "contract_not_begun",
        "active_contract",
        "contract_expired",
    ]
    assert "premium_software" in during["features"]
    (activated,) = await entitlements.events(ContractActivated)
    (expired,) = await entitlements.events(ContractExpired)
    assert (activated.number, activated.renewed) == (expired.number, False)
    assert activated.activated_at.hour == 17  # midnight in Ho Chi Minh City
    assert (expired.reason, expired.ends_on) == ("term", activated.ends_on)
    found = (await entitlements.get(f"/v1/contracts/{contract}")).json()
    assert [step["state"] for step in found["history"]] == ["scheduled", "active", "expired"]


async def test_the_state_topic_follows_the_plan(entitlements: Harness) -> None:
    async def plan() -> str | None:
        (state,) = (await entitlements.states(RegistrationState)).values()
        assert state
        return state.plan

    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await a_registration(entitlements, customer)
    assert await plan() is None
    await a_contract(entitlements, customer.account_id, days=5)
    assert await plan() == "poly_plus"
    await entitlements.advance(timedelta(days=6))
    assert await plan() is None


@pytest.mark.promise("S22")
async def test_an_active_contract_brings_an_offer_for_each_country_naming_its_resellers(entitlements: Harness) -> None:
    await made(entitlements, "resellers", name="Đại lý Ánh Dương", country="VN", email="uu.dai@anhduong.example")
    await made(entitlements, "resellers", name="Straits Collaboration", country="SG")
    customer = await a_customer(entitlements)

    await a_contract(entitlements, customer.account_id)
    await a_site(entitlements, customer.account_id, name="Marina", country="SG", time_zone="Asia/Singapore")

    vietnam, singapore = await entitlements.events(DiscountOffered)
    assert (vietnam.country, [r.name for r in vietnam.resellers]) == ("VN", ["Đại lý Ánh Dương"])
    assert (singapore.country, [r.name for r in singapore.resellers]) == ("SG", ["Straits Collaboration"])
    shown = (await entitlements.get("/v1/offers?valid=true", role="customer", accounts=[customer.account_id])).json()[
        "items"
    ]
    assert {offer["reference"] for offer in shown} == {vietnam.reference, singapore.reference}


async def test_nothing_is_on_offer_once_the_contract_has_ended(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    contract = await a_contract(entitlements, customer.account_id)

    await entitlements.post(f"/v1/contracts/{contract}/cancel", {"reason": "Moved away"}, role="manager")

    assert (await entitlements.get("/v1/offers?valid=true")).json()["items"] == []
    (expired,) = await entitlements.events(ContractExpired)
    assert expired.reason == "cancelled"


async def test_a_unit_whose_contract_was_cancelled_is_told_so(entitlements: Harness) -> None:
    await a_covered_customer(entitlements)
    (contract,) = (await entitlements.get("/v1/contracts")).json()["items"]

    await entitlements.post(f"/v1/contracts/{contract['id']}/cancel", {"reason": "Moved away"}, role="manager")

    assert (await coverage(entitlements))["reason"] == "contract_cancelled"


async def test_the_contract_that_ended_last_says_why_a_unit_is_not_covered(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    (first,) = (await entitlements.get("/v1/contracts")).json()["items"]
    await entitlements.post(f"/v1/contracts/{first['id']}/cancel", {"reason": "Moved away"}, role="manager")
    await a_contract(entitlements, customer.account_id, days=5)

    await entitlements.advance(timedelta(days=6))

    assert (await coverage(entitlements))["reason"] == "contract_expired"


@pytest.mark.promise("S13")
async def test_a_renewal_goes_on_without_a_gap_and_extends_what_the_contract_brought(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    (contract,) = (await entitlements.get("/v1/contracts")).json()["items"]
    until = (date.fromisoformat(contract["last_day"]) + timedelta(days=365)).isoformat()

    renewed = await entitlements.post(f"/v1/contracts/{contract['id']}/renew", {"ends_on": until}, role="manager")
    await entitlements.advance(timedelta(days=400))

    assert renewed.json()["last_day"] == until
    assert (await coverage(entitlements))["covered"]
    assert [each.renewed for each in await entitlements.events(ContractActivated)] == [False, True]
    assert await entitlements.events(ContractExpired) == []
    licences = await entitlements.get("/v1/licences", role="customer", accounts=[customer.account_id])
    assert [licence["valid_until"] for licence in licences.json()["items"]] == [until]
    assert len(await entitlements.events(LicenceIssued)) == 1


async def test_a_contract_that_supersedes_another_ends_it(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    old = await a_contract(entitlements, customer.account_id)

    new = await a_contract(entitlements, customer.account_id, supersedes_id=old, options=["onsite"])

    (expired,) = await entitlements.events(ContractExpired)
    assert (str(expired.contract_id), expired.reason) == (old, "superseded")
    assert (await entitlements.get(f"/v1/contracts/{new}")).json()["state"] == "active"


async def test_what_came_with_a_contract_that_is_superseded_in_the_moment_it_begins_ends_with_it(
    entitlements: Harness,
) -> None:
    customer = await a_customer(entitlements)
    await a_site(entitlements, customer.account_id, country="VN")
    first = await a_contract(entitlements, customer.account_id, starts_in=3)
    second = await a_contract(entitlements, customer.account_id, starts_in=3, supersedes_id=first)

    await entitlements.advance(timedelta(days=3))

    states = {id: (await entitlements.get(f"/v1/contracts/{id}")).json()["state"] for id in (first, second)}
    assert states == {first: "superseded", second: "active"}
    licences = (await entitlements.get("/v1/licences")).json()["items"]
    assert {each["contract_id"]: each["state"] for each in licences} == {first: "expired", second: "active"}
    offers = (await entitlements.get("/v1/offers")).json()["items"]
    today = (await entitlements.now() + timedelta(hours=7)).date().isoformat()
    assert {each["contract_id"]: each["valid_until"] < today for each in offers} == {first: True, second: False}


async def test_what_cannot_be_done_to_a_contract_is_said_with_what_can(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    contract = await a_contract(entitlements, customer.account_id)
    await entitlements.post(f"/v1/contracts/{contract}/cancel", {"reason": "Moved away"}, role="manager")
    emitted = len(await entitlements.outbox())

    again = await entitlements.post(f"/v1/contracts/{contract}/cancel", {"reason": "Moved away"}, role="manager")

    assert (again.status_code, again.json()["state"], again.json()["possible"]) == (409, "cancelled", [])
    assert len(await entitlements.outbox()) == emitted


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"plan": "gold"}, 422, "There is no plan gold."),
        ({"options": ["teleport"]}, 422, "There is no option teleport."),
        ({"ends_on": "2020-01-01"}, 422, "A term ends on the day it starts, or later."),
        ({"starts_on": "soon"}, 422, "/starts_on"),
        ({"supersedes_id": NOBODYS}, 422, f"The account has no contract {NOBODYS}."),
        ({"account_id": NOBODYS}, 404, f"There is no account {NOBODYS}."),
        ({"state": "active"}, 422, "/state"),
    ],
)
async def test_a_contract_that_makes_no_sense_is_refused_and_leaves_nothing(
    entitlements: Harness, change: dict[str, Any], status: int, said: str
) -> None:
    customer = await a_customer(entitlements)
    body = {"account_id": str(customer.account_id), "starts_on": "2026-01-01", "ends_on": "2030-01-01", **change}

    answer = await entitlements.post("/v1/contracts", body, role="manager")

    assert answer.status_code == status
    pointers = [error["pointer"] for error in answer.json().get("errors", ())]
    assert said in (answer.json()["detail"], *pointers)
    assert (await entitlements.get("/v1/contracts")).json()["items"] == []
    assert await entitlements.events() == []


@pytest.mark.promise("S13")
async def test_a_contract_is_told_of_before_it_ends_once_for_each_distance_of_each_term(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    contract = await a_contract(entitlements, customer.account_id, days=101)
    (activated,) = await entitlements.events(ContractActivated)

    await entitlements.advance(timedelta(days=45))
    told = await entitlements.events(ContractExpiring)
    until = (activated.ends_on + timedelta(days=100)).isoformat()
    await entitlements.post(f"/v1/contracts/{contract}/renew", {"ends_on": until}, role="manager")
    await entitlements.advance(timedelta(days=200))

    assert [(each.days_left, each.ends_on) for each in told] == [(90, activated.ends_on), (60, activated.ends_on)]
    again = (await entitlements.events(ContractExpiring))[2:]
    assert [(each.days_left, each.ends_on.isoformat()) for each in again] == [(90, until), (60, until), (30, until)]
    assert {each.number for each in [*told, *again]} == {activated.number}
    assert told[0].told_at.hour == 17  # midnight in Ho Chi Minh City


async def test_nobody_is_told_that_a_contract_ends_soon_once_it_is_cancelled(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    contract = await a_contract(entitlements, customer.account_id, days=101)

    await entitlements.post(f"/v1/contracts/{contract}/cancel", {"reason": "Moved away"}, role="manager")
    await entitlements.advance(timedelta(days=120))

    assert await entitlements.events(ContractExpiring) == []


async def test_a_contract_that_is_written_for_a_short_while_is_told_of_at_the_distances_to_come(
    entitlements: Harness,
) -> None:
    customer = await a_customer(entitlements)
    await a_contract(entitlements, customer.account_id, days=46)

    await entitlements.advance(timedelta(days=50))

    assert [each.days_left for each in await entitlements.events(ContractExpiring)] == [30]


@pytest.mark.parametrize(("days", "told"), [(101, []), (86, [85])])
async def test_a_contract_of_before_is_told_of_when_its_end_is_near(
    entitlements: Harness, days: int, told: list[int]
) -> None:
    customer = await a_customer(entitlements)
    contract = UUID(await a_contract(entitlements, customer.account_id, days=days))
    async with entitlements.transaction() as tx:
        tx.set_timer(await Contract.get(contract, tx, lock=True), EXPIRING, tx.now)

    await entitlements.advance(timedelta(seconds=1))

    assert [each.days_left for each in await entitlements.events(ContractExpiring)] == told
    await entitlements.advance(timedelta(days=days))
    left = [each.days_left for each in await entitlements.events(ContractExpiring)]
    assert left == [*told, 60, 30] if told else left == [90, 60, 30]


@pytest.mark.promise("S17")
async def test_a_licence_is_told_of_before_it_ends_once_for_each_distance(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    today = (await entitlements.now() + timedelta(hours=7)).date()
    valid = {"valid_from": today.isoformat(), "valid_until": (today + timedelta(days=100)).isoformat()}
    id = await made(
        entitlements, "licences", account_id=str(customer.account_id), software="Room analytics", key="K-1", **valid
    )

    await entitlements.advance(timedelta(days=102))

    assert [told.days_left for told in await entitlements.events(LicenceExpiring)] == [90, 30, 7]
    found = (await entitlements.get(f"/v1/licences/{id}")).json()
    assert [step["state"] for step in found["history"]] == ["active", "expiring", "expired"]


async def test_a_licence_that_is_extended_is_active_again(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    today = (await entitlements.now() + timedelta(hours=7)).date()
    valid = {"valid_from": today.isoformat(), "valid_until": (today + timedelta(days=5)).isoformat()}
    id = await made(entitlements, "licences", account_id=str(customer.account_id), software="Room analytics", **valid)
    answer = await entitlements.get(f"/v1/licences/{id}")
    assert answer.json()["state"] == "expiring"
    assert [told.days_left for told in await entitlements.events(LicenceExpiring)] == [5]

    later = {"valid_until": (today + timedelta(days=500)).isoformat()}
    await entitlements.patch(f"/v1/licences/{id}", later, etag=answer.headers["etag"], role="manager")
    await entitlements.advance(timedelta(days=10))

    assert (await entitlements.get(f"/v1/licences/{id}")).json()["state"] == "active"
    assert len(await entitlements.events(LicenceExpiring)) == 1


@pytest.mark.promise("S17")
async def test_licences_are_found_by_key_by_serial_and_by_account_and_by_nobody_else(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    other = await a_customer(entitlements, "Công ty TNHH Bến Nghé", name="Kho Quận 7")
    await made(
        entitlements,
        "licences",
        account_id=str(customer.account_id),
        software="Tracking",
        key="K-X70",
        premium=True,
        product_number=X70,
        serial=SERIAL,
        valid_from="2026-01-01",
    )

    for query in ("key=K-X70", f"serial={SERIAL}", f"account_id={customer.account_id}&state=active"):
        mine = await entitlements.get(f"/v1/licences?{query}", role="customer", accounts=[customer.account_id])
        theirs = await entitlements.get(f"/v1/licences?{query}", role="customer", accounts=[other.account_id])
        assert "K-X70" in {licence["key"] for licence in mine.json()["items"]}
        assert theirs.json()["items"] == []


async def test_a_licence_for_a_unit_that_is_not_the_accounts_is_refused(entitlements: Harness) -> None:
    await a_covered_customer(entitlements)
    other = await a_customer(entitlements, "Công ty TNHH Bến Nghé", name="Kho Quận 7")
    body = {
        "account_id": str(other.account_id),
        "software": "Tracking",
        "product_number": X70,
        "serial": SERIAL,
        "valid_from": "2026-01-01",
    }

    answer = await entitlements.post("/v1/licences", body, role="manager")

    assert (answer.status_code, answer.json()["title"]) == (422, "The account has no such unit")

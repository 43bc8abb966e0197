"""Every case is answered with what stands behind it, and answered again when that changes."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.events.entitlements import CoverageDecided
from services.entitlements.tests.builders import (
    SERIAL,
    SPARE,
    a_contract,
    a_covered_customer,
    a_customer,
    a_product,
    a_registration,
    a_site,
    case_cancelled,
    case_closed,
    case_opened,
    case_reopened,
    made,
    overridden,
    replaced,
    word_taken_back,
)
from tests.support.harness import Harness


async def test_what_the_request_names_and_the_account_has_not_is_told(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    other = await a_customer(entitlements, "Công ty TNHH Bến Nghé")

    for case in (
        case_opened(customer.account_id, site_id=other.site_id, contact_id=uuid4()),
        case_opened(customer.account_id, site_id=customer.site_id, contact_id=other.contact_id),
        case_opened(customer.account_id, site_id=customer.site_id, contact_id=customer.contact_id),
        case_opened(customer.account_id),
    ):
        await entitlements.deliver(case)

    told = await decisions(entitlements)
    assert [each.unknown for each in told] == [["site", "contact"], ["contact"], [], []]
    assert {each.site.site_id for each in told if each.site} == {customer.site_id}
    assert {each.contact.contact_id for each in told if each.contact} == {customer.contact_id}


async def decisions(h: Harness) -> list[CoverageDecided]:
    return await h.events(CoverageDecided)


async def last(h: Harness) -> CoverageDecided:
    return (await decisions(h))[-1]


async def change(h: Harness, path: str, body: dict[str, Any]) -> None:
    etag = (await h.get(path)).headers["etag"]
    response = await h.patch(path, body, etag=etag, role="manager")
    assert response.status_code == 200, response.text


@pytest.mark.promise("S2", "S3", "S26", "S28")
async def test_a_case_is_answered_with_all_that_the_others_need(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    opened = case_opened(customer.account_id)

    await entitlements.deliver(opened)

    (decided,) = await decisions(entitlements)
    assert (decided.case_id, decided.revision, decided.covered, decided.reason) == (
        opened.case_id,
        1,
        True,
        "active_contract",
    )
    assert decided.plan == "poly_plus"
    assert decided.onsite
    assert "premium_software" in decided.features
    assert decided.account.name == "Công ty Cổ phần Sao Mai"
    assert decided.site
    assert (decided.site.site_id, decided.site.revision) == (customer.site_id, 1)
    assert (decided.site.city, decided.site.time_zone) == ("Thành phố Hồ Chí Minh", "Asia/Ho_Chi_Minh")
    assert decided.contact
    assert (decided.contact.contact_id, decided.contact.revision) == (customer.contact_id, 1)
    assert (decided.contact.language, decided.contact.authorised) == ("vi", True)
    assert decided.product
    assert (decided.product.serial, decided.product.family, decided.product.hardware_revision) == (
        SERIAL,
        "studio",
        "B",
    )


async def test_an_event_that_comes_twice_is_answered_once(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    delivery = entitlements.delivery(case_opened(customer.account_id))

    await entitlements.deliver(delivery, delivery)

    assert len(await decisions(entitlements)) == 1


async def test_a_unit_that_nobody_registered_is_not_covered_until_it_is_registered(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await a_contract(entitlements, customer.account_id)
    await entitlements.deliver(case_opened(customer.account_id))
    before = await last(entitlements)

    await a_registration(entitlements, customer)

    after = await last(entitlements)
    assert (before.covered, before.reason) == (False, "not_registered")
    assert before.product
    assert before.product.model == "Studio X70"
    assert (after.revision, after.covered) == (2, True)


async def test_a_unit_of_another_account_is_answered_like_one_that_nobody_registered(entitlements: Harness) -> None:
    owner = await a_covered_customer(entitlements)
    other = await a_customer(entitlements, "Công ty TNHH Bến Nghé", name="Kho Quận 7")

    await entitlements.deliver(case_opened(other.account_id))

    decided = await last(entitlements)
    assert (decided.covered, decided.reason, decided.plan, decided.contract_id) == (False, "not_registered", None, None)
    assert decided.site
    assert decided.site.site_id == other.site_id != owner.site_id
    assert decided.product
    assert decided.product.registration_id is None


async def test_a_case_without_a_product_or_of_an_unknown_account_is_answered_too(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    unknown = customer.contact_id  # an id that is no account's

    await entitlements.deliver(
        case_opened(customer.account_id, product_number=None, serial=None, no_product_reason="a question"),
        case_opened(unknown),
    )

    about_nothing, of_nobody = await decisions(entitlements)
    assert (about_nothing.reason, about_nothing.product) == ("no_product", None)
    assert (of_nobody.covered, of_nobody.site, of_nobody.contact) == (False, None, None)


async def test_an_open_case_is_told_a_new_address_and_contact(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await entitlements.deliver(case_opened(customer.account_id))

    await change(
        entitlements, f"/v1/sites/{customer.site_id}", {"address_lines": ["Tầng 3, 2 Hải Triều"], "access_notes": None}
    )
    await change(entitlements, f"/v1/contacts/{customer.contact_id}", {"phone": "+84 28 5550 0199"})

    _, moved, called = await decisions(entitlements)
    assert moved.site
    assert (moved.revision, moved.site.revision) == (2, 2)
    assert called.contact
    assert (called.revision, called.contact.revision) == (3, 2)


async def test_a_change_that_changes_nothing_for_the_case_is_not_told(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await entitlements.deliver(case_opened(customer.account_id))

    await change(entitlements, f"/v1/contacts/{customer.contact_id}", {"phone": "+84 28 5550 0100"})
    await a_contract(entitlements, customer.account_id, days=10)

    assert len(await decisions(entitlements)) == 1


async def test_an_open_case_keeps_its_cover_when_the_contract_ends(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await entitlements.deliver(case_opened(customer.account_id))

    await entitlements.advance(timedelta(days=366))
    await change(entitlements, f"/v1/sites/{customer.site_id}", {"city": "Thủ Đức"})

    decided = await last(entitlements)
    assert decided.site
    assert (decided.revision, decided.covered, decided.onsite, decided.site.city) == (2, True, True, "Thủ Đức")


async def test_cover_that_gets_worse_is_told_where_the_policy_allows_it(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await entitlements.post(
        "/v1/entitlements-policies", {"settings": {"never_worse": False}, "why": "a trial"}, role="manager"
    )
    await entitlements.deliver(case_opened(customer.account_id))
    onsite = await last(entitlements)

    singapore = {"country": "SG", "time_zone": "Asia/Singapore", "region": None}
    await change(entitlements, f"/v1/sites/{customer.site_id}", singapore)

    decided = await last(entitlements)
    assert onsite.onsite
    assert (decided.covered, decided.onsite, decided.onsite_reason) == (True, False, "location_not_covered")


async def test_onsite_stays_for_an_open_case_whose_unit_moves_to_where_no_technician_comes(
    entitlements: Harness,
) -> None:
    customer = await a_covered_customer(entitlements)
    await entitlements.deliver(case_opened(customer.account_id))

    singapore = {"country": "SG", "time_zone": "Asia/Singapore", "region": None}
    await change(entitlements, f"/v1/sites/{customer.site_id}", singapore)

    decided = await last(entitlements)
    assert decided.site
    assert (decided.site.country, decided.onsite) == ("SG", True)


async def test_an_option_bought_while_the_case_is_open_counts(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements, onsite=False)
    await entitlements.deliver(case_opened(customer.account_id))
    before = await last(entitlements)

    await a_contract(entitlements, customer.account_id, options=["onsite"])

    after = await last(entitlements)
    assert (before.onsite, before.onsite_reason) == (False, "option_not_bought")
    assert (after.revision, after.onsite, after.onsite_reason) == (2, True, None)


async def test_a_case_that_opened_while_the_contract_ran_is_covered_however_late_it_is_heard_of(
    entitlements: Harness,
) -> None:
    customer = await a_covered_customer(entitlements)
    opened_at = await entitlements.now()
    await entitlements.advance(timedelta(days=400))

    await entitlements.deliver(case_opened(customer.account_id, opened_at=opened_at))
    await entitlements.deliver(case_opened(customer.account_id, opened_at=await entitlements.now()))

    in_time, too_late = await decisions(entitlements)
    assert in_time.covered
    assert (too_late.covered, too_late.reason) == (False, "contract_expired")


@pytest.mark.promise("S2")
async def test_a_managers_word_is_answered_and_stays(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    opened = case_opened(customer.account_id)
    await entitlements.deliver(opened, overridden(opened.case_id, covered=True, onsite=True))

    await change(entitlements, f"/v1/sites/{customer.site_id}", {"city": "Thủ Đức"})

    _, granted, moved = await decisions(entitlements)
    assert (granted.revision, granted.covered, granted.onsite, granted.reason) == (2, True, True, "overridden")
    assert granted.overridden
    assert (moved.revision, moved.covered, moved.overridden) == (3, True, True)


async def test_once_the_managers_word_is_taken_back_the_contract_decides_again(entitlements: Harness) -> None:
    """One that began meanwhile counts, which under the word it never did."""
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await a_registration(entitlements, customer)
    case = case_opened(customer.account_id)
    await entitlements.deliver(case, overridden(case.case_id, covered=False))
    await a_contract(entitlements, customer.account_id)
    assert not (await last(entitlements)).covered
    await entitlements.deliver(word_taken_back(case.case_id))

    decided = await last(entitlements)
    assert (decided.covered, decided.overridden, decided.reason) == (True, False, "active_contract")


@pytest.mark.parametrize(("days", "plan"), [(10, "poly_plus"), (None, None)])
async def test_a_word_that_covers_names_the_plan_of_the_units_contract(
    entitlements: Harness, days: int | None, plan: str | None
) -> None:
    """It has ended; or there is none."""
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await a_registration(entitlements, customer)
    if days:
        await a_contract(entitlements, customer.account_id, days=days)
        await entitlements.advance(timedelta(days=days + 2))
    case = case_opened(customer.account_id, opened_at=await entitlements.now())
    await entitlements.deliver(case, overridden(case.case_id, covered=True))

    before, decided = (await decisions(entitlements))[-2:]
    assert (before.covered, before.plan) == (False, None)
    assert (decided.covered, decided.plan) == (True, plan)


async def test_a_managers_refusal_outweighs_the_contract_also_when_the_case_is_closed(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    opened = case_opened(customer.account_id)

    await entitlements.deliver(
        opened, case_closed(opened.case_id), overridden(opened.case_id, covered=False), together=True
    )

    decided = await last(entitlements)
    assert (decided.covered, decided.onsite, decided.plan) == (False, False, "poly_plus")


@pytest.mark.parametrize("end", [case_closed, case_cancelled])
async def test_a_case_that_has_ended_is_told_of_changes_once_it_is_open_again(entitlements: Harness, end: Any) -> None:
    customer = await a_covered_customer(entitlements)
    opened = case_opened(customer.account_id)
    await entitlements.deliver(opened, end(opened.case_id))
    await change(entitlements, f"/v1/sites/{customer.site_id}", {"city": "Thủ Đức"})
    while_ended = len(await decisions(entitlements))

    await entitlements.deliver(case_reopened(opened.case_id))

    decided = await last(entitlements)
    assert decided.site
    assert while_ended == 1
    assert (decided.revision, decided.site.city) == (2, "Thủ Đức")


async def test_a_replaced_unit_takes_the_case_and_its_cover_along(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    opened = case_opened(customer.account_id)

    await entitlements.deliver(opened, replaced(opened.case_id))

    decided = await last(entitlements)
    assert decided.product
    assert (decided.revision, decided.covered, decided.product.serial) == (2, True, SPARE)


async def test_a_case_opened_by_the_old_serial_is_about_the_unit_that_replaced_it(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    first = case_opened(customer.account_id)
    await entitlements.deliver(first, replaced(first.case_id))

    await entitlements.deliver(case_opened(customer.account_id, opened_at=await entitlements.now() + timedelta(days=1)))

    decided = await last(entitlements)
    assert decided.product
    assert (decided.covered, decided.product.serial) == (True, SPARE)


async def test_the_request_decides_the_site_before_the_unit_does(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    hanoi = await a_site(entitlements, customer.account_id, name="Hà Nội", city="Hà Nội", region="HN")
    elsewhere = await a_customer(entitlements, "Công ty TNHH Bến Nghé", name="Kho Quận 7")

    await entitlements.deliver(
        case_opened(customer.account_id, site_id=hanoi),
        case_opened(customer.account_id),
        case_opened(customer.account_id, site_id=elsewhere.site_id),
    )

    told = [decided.site.site_id for decided in await decisions(entitlements) if decided.site]
    assert told == [UUID(hanoi), customer.site_id, customer.site_id]


async def test_a_case_without_a_site_is_about_the_site_of_who_asked_or_of_the_units_contact(
    entitlements: Harness,
) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    lan = await made(
        entitlements, "contacts", account_id=str(customer.account_id), name="Lan", language="vi", authorised=False
    )
    hanoi = await a_site(entitlements, customer.account_id, name="Hà Nội", city="Hà Nội", region="HN", contact_id=lan)
    await a_registration(entitlements, customer, site_id=None, contact_id=lan)

    await entitlements.deliver(
        case_opened(customer.account_id, contact_id=customer.contact_id), case_opened(customer.account_id)
    )

    told = [decided.site.site_id for decided in await decisions(entitlements) if decided.site]
    assert told == [customer.site_id, UUID(hanoi)]


@pytest.mark.promise("S3")
async def test_a_case_whose_site_nobody_can_tell_is_told_it_as_soon_as_somebody_does(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await a_contract(entitlements, customer.account_id)
    hanoi = await a_site(entitlements, customer.account_id, name="Hà Nội", city="Hà Nội", region="HN")
    unit = await a_registration(entitlements, customer, site_id=None)
    await entitlements.deliver(case_opened(customer.account_id))
    unknown = await last(entitlements)

    await change(entitlements, f"/v1/registrations/{unit}", {"site_id": hanoi})

    known = await last(entitlements)
    assert (unknown.covered, unknown.site) == (True, None)
    assert known.site
    assert (known.revision, known.site.site_id) == (2, UUID(hanoi))

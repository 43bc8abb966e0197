"""A case that was corrected is decided for what is right, as of its opening; then, and only then, it may get worse."""

from datetime import timedelta
from uuid import uuid4

from libs.events import Event
from libs.events.entitlements import CoverageDecided
from services.entitlements.tests.builders import (
    SPARE,
    a_contract,
    a_covered_customer,
    a_customer,
    a_product,
    a_registration,
    a_site,
    case_opened,
    corrected,
    onsite_in_vietnam,
)
from services.entitlements.tests.test_coverage_decisions import change, decisions, last
from tests.support.harness import Harness


async def test_a_serial_that_comes_later_covers_the_case(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    opened = case_opened(customer.account_id, product_number=None, serial=None)
    await entitlements.deliver(opened, corrected(opened.case_id, serial="8LTEST0001FB"))

    before, after = await decisions(entitlements)
    assert (before.covered, before.reason, before.corrections) == (False, "no_product", 0)
    assert (after.revision, after.covered, after.onsite, after.corrections) == (2, True, True, 1)
    assert after.product
    assert after.product.serial == "8LTEST0001FB"


async def test_the_cover_of_the_right_unit_may_be_worse_and_nothing_of_the_wrong_one_stays(
    entitlements: Harness,
) -> None:
    customer = await a_covered_customer(entitlements)
    await a_site(entitlements, customer.account_id, city="Đà Nẵng")
    opened = case_opened(customer.account_id)
    await entitlements.deliver(opened, corrected(opened.case_id, serial="8LTEST0009FB"))

    before, after = await decisions(entitlements)
    assert before.covered
    assert before.site
    assert (after.covered, after.onsite, after.reason, after.site) == (False, False, "not_registered", None)


async def test_the_right_unit_is_covered_as_of_the_opening(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await a_registration(entitlements, customer, SPARE)
    opened = case_opened(customer.account_id, serial="8LTEST0009FB", opened_at=await entitlements.now())
    await entitlements.deliver(opened)
    await entitlements.advance(timedelta(days=400))
    await entitlements.deliver(corrected(opened.case_id, serial=SPARE))

    assert [(each.covered, each.reason) for each in await decisions(entitlements)] == [
        (False, "not_registered"),
        (True, "active_contract"),
    ]


async def test_another_accounts_unit_is_as_unknown_as_nobodys(entitlements: Harness) -> None:
    await a_covered_customer(entitlements)
    other = await a_customer(entitlements, "Công ty TNHH Bến Nghé")
    said = []
    for serial in ("8LTEST0001FB", "8LTEST0009FB"):
        opened = case_opened(other.account_id, product_number=None, serial=None)
        await entitlements.deliver(opened, corrected(opened.case_id, serial=serial))
        told = (await last(entitlements)).model_dump(exclude={"case_id", "decided_at", "product"})
        said.append(told)
    assert said[0] == said[1]
    assert said[0]["reason"] == "not_registered"


async def test_site_and_contact_follow(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    singapore = await a_site(
        entitlements, customer.account_id, city="Singapore", country="SG", time_zone="Asia/Singapore", region=None
    )
    opened = case_opened(customer.account_id, contact_id=uuid4())
    right = corrected(opened.case_id, site_id=singapore, contact_id=customer.contact_id)
    await entitlements.deliver(opened, right)

    before, after = await decisions(entitlements)
    assert (before.onsite, before.unknown) == (True, ["contact"])
    assert after.site
    assert after.contact
    assert (str(after.site.site_id), after.contact.contact_id) == (singapore, customer.contact_id)
    assert (after.covered, after.onsite, after.onsite_reason, after.unknown) == (
        True,
        False,
        "location_not_covered",
        [],
    )


async def test_a_correction_is_answered_once_and_the_cover_gets_no_worse_afterwards(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await a_registration(entitlements, customer, SPARE)
    opened = case_opened(customer.account_id)
    await entitlements.deliver(opened)
    twice = entitlements.delivery(corrected(opened.case_id, serial=SPARE))
    await entitlements.deliver(twice, twice, corrected(opened.case_id, language="en"))
    assert [each.corrections for each in await decisions(entitlements)] == [0, 1]

    singapore = {"country": "SG", "time_zone": "Asia/Singapore", "region": None}
    await change(entitlements, f"/v1/sites/{customer.site_id}", singapore)
    assert (await last(entitlements)).onsite


async def test_a_correction_that_is_heard_before_the_case_is_kept(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    opened = case_opened(customer.account_id, product_number=None, serial=None)
    told: list[Event] = [corrected(opened.case_id, serial="8LTEST0001FB"), opened]
    await entitlements.deliver(*told)

    [decided] = await entitlements.events(CoverageDecided)
    assert (decided.covered, decided.corrections) == (True, 1)


async def test_the_case_follows_the_right_unit_from_then_on(entitlements: Harness) -> None:
    """It is answered when that is registered, and no more when the wrong one is."""
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await onsite_in_vietnam(entitlements)
    await a_contract(entitlements, customer.account_id)
    opened = case_opened(customer.account_id)
    await entitlements.deliver(opened, corrected(opened.case_id, serial=SPARE))
    await a_registration(entitlements, customer)
    assert not (await last(entitlements)).covered
    await a_registration(entitlements, customer, SPARE)
    assert (await last(entitlements)).covered

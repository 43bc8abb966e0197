"""A rule, a product or a policy that changes is told to the open cases that it concerns, for the better."""

import asyncio
from typing import Any

import pytest

from libs.events.entitlements import CoverageDecided
from services.entitlements.model.case_file import CaseFile
from services.entitlements.tests.builders import (
    a_contract,
    a_covered_customer,
    a_customer,
    a_product,
    a_registration,
    case_closed,
    case_opened,
    case_reopened,
    made,
    onsite_in_vietnam,
)
from tests.support.harness import Harness


async def last(h: Harness) -> CoverageDecided:
    """The newest decision, once everything due has been done."""
    await h.fire_timers()
    return (await h.events(CoverageDecided))[-1]


async def change(h: Harness, path: str, body: dict[str, Any]) -> None:
    response = await h.patch(path, body, etag=(await h.get(path)).headers["etag"], role="manager")
    assert response.status_code == 200, response.text


async def policy(h: Harness, **settings: Any) -> None:
    body = {"settings": settings, "why": "a trial"}
    assert (await h.post("/v1/entitlements-policies", body, role="manager")).status_code == 201


@pytest.mark.promise("S28")
async def test_an_open_case_gets_the_technician_whom_a_new_or_changed_rule_sends(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await a_contract(entitlements, customer.account_id, options=["onsite"])
    await a_registration(entitlements, customer)
    rule = await made(entitlements, "onsite-rules", country="VN", region="SG", covered=False)
    closed = case_opened(customer.account_id)
    await entitlements.deliver(case_opened(customer.account_id), closed, case_closed(closed.case_id), together=True)
    before = await last(entitlements)

    await change(entitlements, f"/v1/onsite-rules/{rule}", {"covered": True})

    after = await last(entitlements)
    assert (before.onsite, before.onsite_reason) == (False, "location_not_covered")
    assert (after.revision, after.onsite) == (2, True)
    assert after.case_id != closed.case_id
    assert len(await entitlements.events(CoverageDecided)) == 3


async def test_an_open_case_gets_the_technician_of_a_rule_that_was_missing(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    await a_contract(entitlements, customer.account_id, options=["onsite"])
    await a_registration(entitlements, customer)
    await entitlements.deliver(case_opened(customer.account_id))
    before = await last(entitlements)

    await onsite_in_vietnam(entitlements)

    assert (before.onsite, (await last(entitlements)).onsite) == (False, True)


@pytest.mark.promise("S28")
async def test_an_open_case_keeps_the_technician_whom_a_rule_does_not_send_any_more(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await entitlements.deliver(case_opened(customer.account_id))

    await change(entitlements, f"/v1/onsite-rules/{await onsite_rule(entitlements)}", {"covered": False})

    told = await last(entitlements)
    assert (told.revision, told.onsite) == (1, True)


async def onsite_rule(h: Harness) -> str:
    (rule,) = (await h.get("/v1/onsite-rules")).json()["items"]
    return str(rule["id"])


async def test_an_open_case_is_told_of_a_product_that_was_added_and_renamed(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await entitlements.deliver(case_opened(customer.account_id))
    unknown = await last(entitlements)

    product = await a_product(entitlements, model="Studio X70 (early)")
    added = await last(entitlements)
    await change(entitlements, f"/v1/products/{product}", {"model": "Studio X70"})

    renamed = await last(entitlements)
    assert unknown.product is None
    assert added.product
    assert renamed.product
    assert (added.product.model, renamed.product.model) == ("Studio X70 (early)", "Studio X70")


async def test_an_open_case_is_told_a_later_cut_off_and_never_an_earlier_one(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await entitlements.deliver(case_opened(customer.account_id))

    await policy(entitlements, published_cut_off="12:00")
    earlier = await last(entitlements)
    await policy(entitlements, published_cut_off="17:00")

    later = await last(entitlements)
    assert (earlier.revision, earlier.published_cut_off) == (1, "15:00")
    assert (later.revision, later.published_cut_off) == (2, "17:00")


async def test_a_registration_waits_for_no_case_about_another_unit(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    about_another = case_opened(customer.account_id)
    await entitlements.deliver(about_another)

    async with entitlements.transaction() as elsewhere:
        await CaseFile.get(about_another.case_id, elsewhere, lock=True)
        async with asyncio.timeout(20):
            await a_registration(entitlements, customer, "8L26NEWUNIT01FB")


async def test_an_open_case_about_a_unit_is_covered_once_the_unit_is_registered(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    await entitlements.deliver(case_opened(customer.account_id, serial="8L26NEWUNIT01FB"))
    before = await last(entitlements)

    await a_registration(entitlements, customer, "8L26NEWUNIT01FB")

    assert (before.covered, (await last(entitlements)).covered) == (False, True)


async def test_a_decision_stored_before_it_named_what_is_unknown_is_not_told_again(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    opened = case_opened(customer.account_id)
    await entitlements.deliver(opened)
    async with entitlements.transaction() as tx:
        file = await CaseFile.get(opened.case_id, tx, lock=True)
        assert file.decided
        file.decided = {name: value for name, value in file.decided.items() if name != "unknown"}

    await entitlements.deliver(case_reopened(opened.case_id))

    assert [each.revision for each in await entitlements.events(CoverageDecided)] == [1]

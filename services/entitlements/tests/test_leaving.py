"""A contact leaves, and another one of the account takes over what names it."""

from uuid import UUID

import httpx
import pytest

from libs.events.entitlements import ContactState, CoverageDecided
from services.entitlements.tests.builders import (
    SPARE,
    Customer,
    a_covered_customer,
    a_customer,
    a_registration,
    a_site,
    case_closed,
    case_opened,
    case_reopened,
    made,
)
from tests.support.harness import Harness


async def a_colleague(h: Harness, customer: Customer, name: str = "Trần Thị Bích") -> UUID:
    return UUID(await made(h, "contacts", account_id=str(customer.account_id), name=name, authorised=True))


async def leave(h: Harness, contact: object, successor: object, *, status: int = 200, **how: object) -> httpx.Response:
    body = {"successor_id": str(successor), "reason": "Chuyển công tác"}
    answer = await h.post(f"/v1/contacts/{contact}/leave", body, **how)
    assert answer.status_code == status, answer.text
    return answer


async def named_last(h: Harness, case_id: UUID) -> UUID | None:
    told = [each for each in await h.events(CoverageDecided) if each.case_id == case_id][-1]
    return told.contact.contact_id if told.contact else None


async def test_the_successor_takes_over_what_names_who_leaves(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    an, bich = customer.contact_id, await a_colleague(entitlements, customer)
    unit = await a_registration(entitlements, customer, SPARE, contact_id=str(an))
    opened = case_opened(customer.account_id, contact_id=an)
    await entitlements.deliver(opened)
    assert await named_last(entitlements, opened.case_id) == an

    answer = await leave(entitlements, an, bich, role="customer", accounts=[customer.account_id])

    left = answer.json()
    assert (left["state"], left["active"], left["successor_id"]) == ("left", False, str(bich))
    assert [(change["state"], change["reason"]) for change in left["history"]] == [("left", "Chuyển công tác")]
    told = (await entitlements.states(ContactState))[an]
    assert told
    assert (told.active, told.successor_id) == (False, bich)
    for path in (f"/v1/sites/{customer.site_id}", f"/v1/registrations/{unit}"):
        assert (await entitlements.get(path)).json()["contact_id"] == str(bich)
    assert await named_last(entitlements, opened.case_id) == bich


async def test_a_case_that_names_who_has_left_gets_the_successor_of_the_successor(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    an, bich = customer.contact_id, await a_colleague(entitlements, customer)
    await leave(entitlements, an, bich)
    chi = await a_colleague(entitlements, customer, "Lê Chi")
    await leave(entitlements, bich, chi)

    opened = case_opened(customer.account_id, contact_id=an)
    await entitlements.deliver(opened)

    assert await named_last(entitlements, opened.case_id) == chi


async def test_the_site_of_who_has_left_is_the_successors(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_site(entitlements, customer.account_id, name="Kho Thủ Đức")
    await leave(entitlements, customer.contact_id, await a_colleague(entitlements, customer))

    await entitlements.deliver(case_opened(customer.account_id, contact_id=customer.contact_id))

    [decided] = await entitlements.events(CoverageDecided)
    assert decided.site
    assert decided.site.site_id == customer.site_id


async def test_a_case_that_opens_again_names_nobody_who_has_left(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    opened = case_opened(customer.account_id)
    await entitlements.deliver(opened, case_closed(opened.case_id), together=True)
    bich = await a_colleague(entitlements, customer)
    await leave(entitlements, customer.contact_id, bich)
    await leave(entitlements, bich, await a_colleague(entitlements, customer, "Lê Chi"))

    await entitlements.deliver(case_reopened(opened.case_id))

    chi = (await entitlements.get("/v1/contacts?q=chi")).json()["items"][0]["id"]
    assert await named_last(entitlements, opened.case_id) == UUID(chi)


async def test_who_has_left_to_the_same_stays_as_they_are(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    bich, chi = await a_colleague(entitlements, customer), await a_colleague(entitlements, customer, "Lê Chi")
    first = await leave(entitlements, customer.contact_id, bich)

    assert (await leave(entitlements, customer.contact_id, bich)).json() == first.json()
    refused = await leave(entitlements, customer.contact_id, chi, status=409)

    assert refused.json()["successor_id"] == str(bich)


async def test_only_another_active_contact_of_the_account_takes_over(entitlements: Harness) -> None:
    customer, other = await a_customer(entitlements), await a_customer(entitlements, "Công ty Khác")
    bich = await a_colleague(entitlements, customer)
    chi = await a_colleague(entitlements, customer, "Lê Chi")
    await leave(entitlements, bich, chi)

    for nobody in (customer.contact_id, other.contact_id, bich):
        refused = await leave(entitlements, customer.contact_id, nobody, status=422)
        assert refused.json()["type"] == "urn:polyplus:problem:no-successor"
    await leave(entitlements, customer.contact_id, chi, status=404, role="customer", accounts=[other.account_id])
    await leave(entitlements, customer.contact_id, chi, status=403, role="integrator", accounts=[customer.account_id])


@pytest.mark.parametrize("path", ["sites", "registrations"])
async def test_nothing_names_who_has_left_any_more(entitlements: Harness, path: str) -> None:
    customer = await a_covered_customer(entitlements)
    await leave(entitlements, customer.contact_id, await a_colleague(entitlements, customer))
    id = customer.site_id if path == "sites" else (await entitlements.get("/v1/registrations")).json()["items"][0]["id"]

    etag = (await entitlements.get(f"/v1/{path}/{id}")).headers["etag"]
    named = {"contact_id": str(customer.contact_id)}
    refused = await entitlements.patch(f"/v1/{path}/{id}", named, etag=etag)

    assert (refused.status_code, refused.json()["title"]) == (422, "Not of this account")


async def test_who_has_left_can_come_back(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    left = await leave(entitlements, customer.contact_id, await a_colleague(entitlements, customer))

    path = f"/v1/contacts/{customer.contact_id}"
    back = await entitlements.patch(path, {"active": True}, etag=left.headers["etag"])

    assert back.status_code == 200, back.text
    assert (back.json()["state"], back.json()["successor_id"]) == ("active", None)
    assert [change["state"] for change in back.json()["history"]] == ["left", "active"]


async def test_nobody_who_has_left_is_the_one_who_may_sign_for_the_account(entitlements: Harness) -> None:
    account = UUID(await made(entitlements, "accounts", name="Sao Hôm", country="VN", time_zone="UTC", language="vi"))
    an, bich = [
        UUID(await made(entitlements, "contacts", account_id=str(account), name=name, authorised=authorised))
        for name, authorised in (("An", True), ("Bích", False))
    ]
    opened = case_opened(account)
    await entitlements.deliver(opened)
    assert await named_last(entitlements, opened.case_id) == an

    await leave(entitlements, an, bich)

    assert await named_last(entitlements, opened.case_id) == bich

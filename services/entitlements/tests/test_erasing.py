"""A contact is forgotten: nothing that is kept or told names them any more, and nothing tells of them again."""

from uuid import UUID

import httpx
import pytest

from libs.events.entitlements import ContactErased, ContactState, CoverageDecided
from services.entitlements.model.contact import Contact
from services.entitlements.tests.builders import (
    SPARE,
    Customer,
    a_covered_customer,
    a_registration,
    case_closed,
    case_opened,
    case_reopened,
    made,
)
from tests.support.forgetting import open_with
from tests.support.harness import Harness

PERSONAL = ("Nguyễn Văn", "Văn An", "an@saomai.example", "+84 28 5550 0100", " van an", "nguyen van")


async def erase(h: Harness, contact: object, *, status: int = 200, **how: object) -> httpx.Response:
    how.setdefault("role", "manager")
    answer = await h.post(f"/v1/contacts/{contact}/erase", {"reason": "DSR-17"}, **how)
    assert answer.status_code == status, answer.text
    return answer


async def stored(h: Harness) -> str:
    """Every row of the database, as text; bytes as what they say."""
    found = []
    async with h.transaction() as tx:
        tables = await tx.connection.fetch(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        )
        for name, column, kind in tables:
            text = (
                f"convert_from(\"{column}\", 'UTF8')" if kind == "bytea" and column != "request_hash" else f'"{column}"'
            )
            found += [row[0] or "" for row in await tx.connection.fetch(f'SELECT {text}::text FROM "{name}"')]
    return "\n".join(found)


async def with_a_colleague(h: Harness) -> tuple[Customer, UUID]:
    customer = await a_covered_customer(h)
    bich = await made(h, "contacts", account_id=str(customer.account_id), name="Trần Thị Bích", authorised=True)
    return customer, UUID(bich)


async def test_nothing_is_left_of_a_contact_but_the_id(entitlements: Harness) -> None:
    customer, _ = await with_a_colleague(entitlements)
    an = customer.contact_id
    await a_registration(entitlements, customer, SPARE, contact_id=str(an))
    open_one, closed = case_opened(customer.account_id, contact_id=an), case_opened(customer.account_id, contact_id=an)
    await entitlements.deliver(open_one, closed, case_closed(closed.case_id), together=True)
    path = f"/v1/contacts/{an}"
    etag = (await entitlements.get(path)).headers["etag"]
    await entitlements.patch(path, {"phone": "+84 28 5550 0100", "name": "Nguyễn Văn An "}, etag=etag)

    answer = (await erase(entitlements, an)).json()

    assert {name: answer[name] for name in ("name", "email", "phone", "state", "authorised", "active")} == {
        "name": None,
        "email": None,
        "phone": None,
        "state": "erased",
        "authorised": False,
        "active": False,
    }
    assert answer == (await entitlements.get(path)).json()
    async with entitlements.transaction() as tx:
        assert (await Contact.get(an, tx)).sort_key == ""
    # facts of before are on the log, whose newest version names nobody
    async with entitlements.transaction() as tx:
        await tx.connection.execute("DELETE FROM outbox WHERE type LIKE '%coverage-decided%'")
    kept = await stored(entitlements)
    assert [each for each in PERSONAL if each in kept] == []


async def test_it_is_told_by_a_fact_that_names_nobody_and_a_null(entitlements: Harness) -> None:
    customer, _ = await with_a_colleague(entitlements)

    await erase(entitlements, customer.contact_id)

    [fact] = await entitlements.events(ContactErased)
    assert (fact.contact_id, fact.account_id) == (customer.contact_id, customer.account_id)
    assert fact.by.startswith("manager:")
    assert (await entitlements.states(ContactState))[customer.contact_id] is None


async def test_open_cases_name_the_accounts_other_authorised_contact(entitlements: Harness) -> None:
    customer, bich = await with_a_colleague(entitlements)
    opened, closed = [case_opened(customer.account_id, contact_id=customer.contact_id) for _ in range(2)]
    await entitlements.deliver(opened, closed, case_closed(closed.case_id), together=True)

    await erase(entitlements, customer.contact_id)
    await entitlements.deliver(case_reopened(closed.case_id))
    await entitlements.deliver(later := case_opened(customer.account_id, contact_id=customer.contact_id))

    told = {each.case_id: each.contact for each in await entitlements.events(CoverageDecided)}
    assert [(contact := told[case.case_id]) and contact.contact_id for case in (opened, closed, later)] == [bich] * 3


async def test_a_case_names_nobody_where_nobody_is_left(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    opened, closed = [case_opened(customer.account_id) for _ in range(2)]
    await entitlements.deliver(opened, closed, case_closed(closed.case_id), together=True)

    await erase(entitlements, customer.contact_id)
    await entitlements.deliver(case_reopened(closed.case_id))

    told = {each.case_id: each.contact for each in await entitlements.events(CoverageDecided)}
    assert told == {opened.case_id: None, closed.case_id: told[closed.case_id]}
    async with entitlements.transaction() as tx:
        rows = await tx.connection.fetch("SELECT decided -> 'contact' AS contact FROM case_files")
    assert {row["contact"] for row in rows} == {"null"}


async def test_a_repeated_command_whose_answer_named_them_does_nothing_and_says_so(entitlements: Harness) -> None:
    customer, _ = await with_a_colleague(entitlements)
    body = {"account_id": str(customer.account_id), "name": "Lê Chi"}
    chi = (await entitlements.post("/v1/contacts", body, key="once")).json()["id"]

    await erase(entitlements, chi)
    again = await entitlements.post("/v1/contacts", body, key="once")

    assert (again.status_code, again.json()["id"]) == (410, chi)
    assert again.headers["content-type"] == "application/problem+json"
    assert "Chi" not in again.text
    assert len((await entitlements.get("/v1/contacts")).json()["items"]) == 3


async def test_who_is_erased_stays_so(entitlements: Harness) -> None:
    customer, bich = await with_a_colleague(entitlements)
    path = f"/v1/contacts/{customer.contact_id}"
    first = await erase(entitlements, customer.contact_id, key="erase")

    assert (await erase(entitlements, customer.contact_id, key="erase")).json() == first.json()
    assert (await erase(entitlements, customer.contact_id)).json() == first.json()
    assert len(await entitlements.events(ContactErased)) == 1
    changed = await entitlements.patch(path, {"name": "An"}, etag=first.headers["etag"])
    left = await entitlements.post(f"{path}/leave", {"successor_id": str(bich)})
    for refused in (changed, left):
        assert (refused.status_code, refused.json()["state"]) == (409, "erased")


@pytest.mark.parametrize("role", ["customer", "reseller", "engineer", "ops"])
async def test_a_manager_erases_and_nobody_else(entitlements: Harness, role: str) -> None:
    customer = await a_covered_customer(entitlements)

    await erase(entitlements, customer.contact_id, status=403, role=role, accounts=[customer.account_id])


async def test_a_case_that_was_decided_with_them_is_open_until_they_leave(entitlements: Harness) -> None:
    customer, bich = await with_a_colleague(entitlements)
    opened, closed = [case_opened(customer.account_id) for _ in range(2)]
    await entitlements.deliver(opened, closed, case_closed(closed.case_id), together=True)

    assert await open_with(entitlements, customer.contact_id) == [("case", None, None)]
    left = await entitlements.post(f"/v1/contacts/{customer.contact_id}/leave", {"successor_id": str(bich)})
    assert left.status_code == 200, left.text
    assert await open_with(entitlements, customer.contact_id) == []
    assert await open_with(entitlements, bich) == [("case", None, None)]

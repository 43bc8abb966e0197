"""Contacts and sites are told as state: as they are now, whoever changed them."""

from typing import Any

from libs.events import State
from libs.events.entitlements import ContactState, SiteState
from libs.store.ids import new_id
from services.entitlements.tests.before import Before
from services.entitlements.tests.builders import a_customer
from tests.support.harness import Harness


async def told(h: Harness, kind: type[State]) -> list[tuple[Any, ...]]:
    async with h.database.pool.acquire() as connection:
        rows = await connection.fetch(
            "SELECT key, account_id, version, data FROM states WHERE type = $1", kind.contract.ce_type
        )
    return [(r["key"], r["account_id"], r["version"], kind.model_validate_json(r["data"])) for r in rows]


async def test_a_contact_and_a_site_are_told_as_they_are_now(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    contact = {
        "account_id": customer.account_id,
        "name": "Nguyễn Văn An",
        "email": "an@saomai.example",
        "phone": "+84 28 5550 0100",
        "language": "vi",
        "authorised": True,
    }
    first = (customer.contact_id, customer.account_id, 1, ContactState.model_validate(contact))
    assert await told(entitlements, ContactState) == [first]
    [(id, account, version, site)] = await told(entitlements, SiteState)
    assert (id, account, version) == (customer.site_id, customer.account_id, 1)
    assert site.model_dump(exclude={"account_id"}) == {
        "name": "Trụ sở Quận 1",
        "address_lines": ["Tầng 12, 45 Nguyễn Thị Minh Khai"],
        "postal_code": None,
        "access_notes": "Gửi xe tầng hầm B2",
        "country": "VN",
    }

    changed = {"phone": None, "name": "Nguyễn Văn An Bình"}
    answer = await entitlements.patch(f"/v1/contacts/{customer.contact_id}", changed, etag='"0"', role="manager")
    assert answer.status_code == 200, answer.text
    second = (customer.contact_id, customer.account_id, 2, ContactState.model_validate({**contact, **changed}))
    assert await told(entitlements, ContactState) == [second]
    assert {row["data"] for row in await entitlements.outbox() if row["topic"] == "entitlements.people"} == {None}


async def test_who_was_there_before_is_told_when_the_release_comes(before: Before) -> None:
    account = new_id()
    await before.account(account)
    contact = await before.row(
        "contacts",
        account_id=account,
        name="Trần Thị Bích",
        email=None,
        phone=None,
        language="vi",
        authorised=False,
        created_at=await before.owner.fetchval("SELECT app_now()"),
        revision=4,
    )
    async with before.upgraded() as h:
        [(id, of, version, state)] = await told(h, ContactState)
        assert (id, of, version) == (contact, account, 5)
        assert state == ContactState(account_id=account, name="Trần Thị Bích", language="vi", authorised=False)
        assert [row["key"] for row in await h.outbox() if row["topic"] == "entitlements.people"] == [contact]

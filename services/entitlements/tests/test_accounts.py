"""Accounts, sites and contacts: what is valid, who may, and nobody sees another's."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from libs.events.entitlements import ProductRegistered
from services.entitlements.tests.builders import HOURS, a_customer, a_product, a_registration, a_site, made, named_in
from tests.support.harness import Harness

SITE: dict[str, Any] = {
    "name": "Trụ sở",
    "address_lines": ["1 Lê Lợi"],
    "city": "Huế",
    "country": "VN",
    "time_zone": "Asia/Ho_Chi_Minh",
    "opening_hours": HOURS,
}


async def test_vietnamese_names_stay_as_they_are(entitlements: Harness) -> None:
    customer = await a_customer(entitlements, "Công ty Cổ phần Đặng & Nguyễn — Hà Nội")

    shown = await entitlements.get(
        f"/v1/accounts/{customer.account_id}", role="customer", accounts=[customer.account_id]
    )

    assert shown.json()["name"] == "Công ty Cổ phần Đặng & Nguyễn — Hà Nội"


@pytest.mark.parametrize(
    "change",
    [
        {"country": "XX"},
        {"country": "vn"},
        {"time_zone": "Asia/Saigon City"},
        {"time_zone": "../etc/passwd"},
        {"address_lines": []},
        {"opening_hours": [{"weekdays": [0], "opens": "17:00", "closes": "09:00"}]},
        {"opening_hours": [*HOURS, {"weekdays": [4], "opens": "17:00", "closes": "18:00"}]},
        {"opening_hours": [{"weekdays": [7], "opens": "09:00", "closes": "10:00"}]},
        {"contact_id": "00000000-0000-4000-8000-000000000000"},
        {"name": "a\x00b"},
        {"colour": "blue"},
    ],
)
async def test_a_site_that_cannot_be_is_refused(entitlements: Harness, change: dict[str, Any]) -> None:
    customer = await a_customer(entitlements)

    answer = await entitlements.post("/v1/sites", {**SITE, **change}, role="customer", accounts=[customer.account_id])

    assert answer.status_code == 422
    assert set(change) <= named_in(answer)
    assert len((await entitlements.get("/v1/sites")).json()["items"]) == 1


@pytest.mark.parametrize(
    "email", ["an@", "@saomai.example", "an@saomai", "an nguyen@saomai.example", "an@x..example", "a@b.example\n"]
)
async def test_an_address_that_is_none_is_refused(entitlements: Harness, email: str) -> None:
    customer = await a_customer(entitlements)

    answer = await entitlements.post(
        "/v1/contacts", {"name": "An", "email": email}, role="customer", accounts=[customer.account_id]
    )

    # Surrounding space is taken off.
    if email.strip() != email:
        assert answer.status_code == 201
    else:
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/email")


async def test_an_account_sees_and_changes_its_own_and_nothing_else(entitlements: Harness) -> None:
    mine = await a_customer(entitlements)
    theirs = await a_customer(entitlements, "Công ty TNHH Bến Nghé", name="Kho Quận 7")
    me: dict[str, Any] = {"role": "customer", "accounts": [mine.account_id]}

    for plural, own, other in (
        ("accounts", mine.account_id, theirs.account_id),
        ("sites", mine.site_id, theirs.site_id),
        ("contacts", mine.contact_id, theirs.contact_id),
    ):
        assert [row["id"] for row in (await entitlements.get(f"/v1/{plural}", **me)).json()["items"]] == [str(own)]
        assert (await entitlements.get(f"/v1/{plural}/{own}", **me)).status_code == 200
        assert (await entitlements.get(f"/v1/{plural}/{other}", **me)).status_code == 404
        assert (await entitlements.get(f"/v1/{plural}/{other}")).status_code == 200
    etag = (await entitlements.get(f"/v1/sites/{theirs.site_id}")).headers["etag"]
    changed = await entitlements.patch(f"/v1/sites/{theirs.site_id}", {"city": "Huế"}, etag=etag, **me)
    added = await entitlements.post("/v1/sites", {**SITE, "account_id": str(theirs.account_id)}, **me)
    borrowed = await entitlements.post("/v1/sites", {**SITE, "contact_id": str(theirs.contact_id)}, **me)
    assert (changed.status_code, added.status_code) == (404, 404)
    assert (borrowed.status_code, borrowed.json()["contact_id"]) == (422, str(theirs.contact_id))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/accounts", {"name": "X", "country": "VN", "time_zone": "UTC"}),
        ("/v1/products", {"product_number": "P", "model": "M", "family": "f"}),
        ("/v1/resellers", {"name": "R", "country": "VN"}),
        ("/v1/onsite-rules", {"country": "VN", "covered": True}),
        ("/v1/entitlements-policies", {"settings": {}, "why": "because"}),
    ],
)
async def test_master_data_is_for_managers(entitlements: Harness, path: str, body: dict[str, Any]) -> None:
    customer = await a_customer(entitlements)

    assert (await entitlements.post(path, body, role="customer", accounts=[customer.account_id])).status_code == 403
    assert (await entitlements.post(path, body, role="engineer")).status_code == 403
    assert (await entitlements.post(path, body, role="manager")).status_code == 201


async def test_lists_page_and_filter(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    for n in range(4):
        await a_site(entitlements, customer.account_id, name=f"Kho {n}", country="SG" if n % 2 else "VN")

    first = (await entitlements.get("/v1/sites?limit=3")).json()
    second = (await entitlements.get(f"/v1/sites?limit=3&cursor={first['next_cursor']}")).json()

    assert (len(first["items"]), len(second["items"]), second["next_cursor"]) == (3, 2, None)
    assert len({site["id"] for site in first["items"] + second["items"]}) == 5
    assert len((await entitlements.get("/v1/sites?country=SG")).json()["items"]) == 2
    refused = await entitlements.get("/v1/licences?key=%00")
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/key")


async def test_a_property_that_must_have_a_value_is_not_taken_away(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    etag = (await entitlements.get(f"/v1/sites/{customer.site_id}")).headers["etag"]

    refused = await entitlements.patch(f"/v1/sites/{customer.site_id}", {"city": None}, etag=etag)
    cleared = await entitlements.patch(f"/v1/sites/{customer.site_id}", {"region": None}, etag=etag)

    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/city")
    assert (cleared.status_code, cleared.json()["region"], cleared.json()["city"]) == (
        200,
        None,
        "Thành phố Hồ Chí Minh",
    )


async def test_a_product_number_and_an_onsite_rule_are_there_once(entitlements: Harness) -> None:
    await a_product(entitlements)
    await made(entitlements, "onsite-rules", country="VN", family="studio", covered=True)

    product = await entitlements.post(
        "/v1/products", {"product_number": "8L531AA", "model": "X", "family": "f"}, role="admin"
    )
    rule = await entitlements.post(
        "/v1/onsite-rules", {"country": "VN", "family": "studio", "covered": False}, role="admin"
    )

    assert (product.status_code, product.json()["title"]) == (409, "There already")
    assert (rule.status_code, rule.json()["title"]) == (409, "There is a rule for this already")


async def test_names_are_found_by_their_words_with_or_without_diacritics(entitlements: Harness) -> None:
    sao_mai = await a_customer(entitlements, "Công ty Cổ phần Sao Mai")
    song_huong = await a_customer(entitlements, "Công ty Sông Hương")
    both = {str(sao_mai.account_id), str(song_huong.account_id)}

    async def found(q: str, role: str = "engineer", accounts: tuple[UUID, ...] = ()) -> set[str]:
        answer = await entitlements.get(f"/v1/accounts?q={quote(q)}", role=role, accounts=accounts)
        assert answer.status_code == 200, answer.text
        return {each["id"] for each in answer.json()["items"]}

    assert await found("sao mai") == await found("MÁI  sao") == {str(sao_mai.account_id)}
    assert await found("cong ty") == await found("Công") == both
    assert await found("cong", "customer", (sao_mai.account_id,)) == {str(sao_mai.account_id)}
    assert await found("sao huong") == await found("--") == set()

    account = await entitlements.get(f"/v1/accounts/{sao_mai.account_id}")
    changed = await entitlements.patch(
        f"/v1/accounts/{sao_mai.account_id}", {"name": "Đại Dương"}, etag=account.headers["etag"], role="manager"
    )
    assert changed.status_code == 200
    assert await found("sao") == set()
    assert await found("dai duong") == {str(sao_mai.account_id)}


async def test_a_unit_with_a_contact_of_its_own_is_told_with_that_one(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    contact = {"account_id": str(customer.account_id), "name": "Lê Thị Hoa", "language": "vi"}
    own = (await entitlements.post("/v1/contacts", contact, role="manager")).json()["id"]

    await a_registration(entitlements, customer, contact_id=own)

    (told,) = await entitlements.events(ProductRegistered)
    assert str(told.contact_id) == own


async def test_a_contact_is_found_by_an_address_in_any_letter_case(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    typed = {"account_id": str(customer.account_id), "name": "Bồ", "email": "Bo.Tran@SaoMai.example"}
    bo = await made(entitlements, "contacts", **typed)

    for asked in ("bo.tran@saomai.example", "BO.TRAN@SAOMAI.EXAMPLE", "Bo.Tran@SaoMai.example"):
        found = (await entitlements.get(f"/v1/contacts?email={asked}")).json()["items"]
        assert [(each["id"], each["email"]) for each in found] == [(bo, "Bo.Tran@SaoMai.example")]
    answer = await entitlements.get(f"/v1/contacts/{bo}")
    await entitlements.patch(
        f"/v1/contacts/{bo}", {"email": "BO@elsewhere.example"}, etag=answer.headers["etag"], role="manager"
    )
    assert (await entitlements.get("/v1/contacts?email=bo.tran@saomai.example")).json()["items"] == []
    assert len((await entitlements.get("/v1/contacts?email=bo@elsewhere.example")).json()["items"]) == 1

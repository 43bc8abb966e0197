"""No caller chooses an id: two things of one id would be one to everybody who hears of them."""

from typing import Any

import pytest

from services.entitlements.tests.builders import SPARE, X70, Customer, a_contract, a_covered_customer
from tests.support.harness import Harness


def a_unit(**fields: Any) -> dict[str, Any]:
    return {"product_number": X70, "serial": SPARE, **fields}


async def ids_in_use(h: Harness, customer: Customer) -> list[str]:
    contracts = (await h.get("/v1/contracts", role="admin")).json()["items"]
    return [str(customer.account_id), contracts[0]["id"], str(customer.site_id)]


async def test_a_registration_under_the_id_of_the_accounts_contract_is_refused(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    me: dict[str, Any] = {"role": "customer", "accounts": [customer.account_id]}
    known = await entitlements.outbox()
    for id in await ids_in_use(entitlements, customer):
        answer = await entitlements.post("/v1/registrations", a_unit(id=id), **me)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/id")
        bulk = await entitlements.post("/v1/registrations/bulk", {"items": [a_unit(id=id)]}, **me)
        [row] = bulk.json()["results"]
        assert (row["status"], row["detail"]) == ("invalid", "id: Extra inputs are not permitted")
    csv = f"id,product_number,serial\n{customer.site_id},{X70},{SPARE}\n"
    headers = {
        "authorization": f"Bearer {entitlements.token(**me)}",
        "content-type": "text/csv",
        "idempotency-key": "csv",
    }
    assert (await entitlements.http.post("/v1/registrations/bulk", content=csv, headers=headers)).status_code == 400
    assert len(await entitlements.outbox()) == len(known)
    assert (await entitlements.post("/v1/registrations", a_unit(), **me)).status_code == 201


@pytest.mark.parametrize(
    "plural", ["accounts", "contracts", "contacts", "sites", "products", "licences", "onsite-rules", "resellers"]
)
async def test_no_id_in_use_is_taken_for_anything_else(entitlements: Harness, plural: str) -> None:
    customer = await a_covered_customer(entitlements)
    today = (await entitlements.now()).date().isoformat()
    bodies: dict[str, dict[str, Any]] = {
        "accounts": {"name": "B", "country": "VN", "time_zone": "Asia/Ho_Chi_Minh"},
        "contracts": {"account_id": str(customer.account_id), "starts_on": "2020-01-01", "ends_on": "2040-01-01"},
        "contacts": {"account_id": str(customer.account_id), "name": "B"},
        "sites": {
            "account_id": str(customer.account_id),
            "name": "B",
            "address_lines": ["1"],
            "city": "B",
            "country": "VN",
            "time_zone": "Asia/Ho_Chi_Minh",
            "opening_hours": [{"weekdays": [0], "opens": "08:00", "closes": "09:00"}],
        },
        "products": {"product_number": "B", "model": "B", "family": "b"},
        "licences": {"account_id": str(customer.account_id), "software": "B", "valid_from": today},
        "onsite-rules": {"country": "SG", "covered": True},
        "resellers": {"name": "B", "country": "VN"},
    }
    for id in await ids_in_use(entitlements, customer):
        answer = await entitlements.post(f"/v1/{plural}", {**bodies[plural], "id": id}, role="admin")
        assert (answer.status_code, answer.json().get("errors")) == (
            422,
            [{"pointer": "/id", "in": "body", "detail": "Extra inputs are not permitted"}],
        )
    assert (await entitlements.post(f"/v1/{plural}", bodies[plural], role="admin")).status_code == 201
    assert await a_contract(entitlements, customer.account_id, starts_in=1)


async def test_what_is_made_twice_is_refused_with_what_stands(entitlements: Harness) -> None:
    customer = await a_covered_customer(entitlements)
    [product] = (await entitlements.get("/v1/products", role="admin")).json()["items"]
    licence = {"account_id": str(customer.account_id), "software": "B", "valid_from": "2026-01-01", "key": "K-1"}
    first = await entitlements.post("/v1/licences", licence, role="admin")
    for path, body, id in (
        ("products", {"product_number": X70, "model": "B", "family": "b"}, product["id"]),
        ("licences", licence, first.json()["id"]),
    ):
        again = await entitlements.post(f"/v1/{path}", body, role="admin")
        assert (again.status_code, again.json()["title"], again.json()["id"]) == (409, "There already", id)

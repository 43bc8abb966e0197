"""Many units in one request: as JSON, and as a spreadsheet saves them."""

from typing import Any

import pytest

from libs.events.entitlements import ProductRegistered
from libs.store.ids import new_id
from services.entitlements.tests.builders import SERIAL, X70, Customer, a_customer, a_product
from services.entitlements.tests.test_registrations import as_customer, two_customers
from tests.support.harness import Harness

CSV = {"content-type": "text/csv; charset=utf-8"}


async def send_csv(h: Harness, text: str, customer: Customer) -> Any:
    headers = {
        "authorization": f"Bearer {h.token('customer', [customer.account_id])}",
        "idempotency-key": str(new_id()),
        **CSV,
    }
    return await h.http.post("/v1/registrations/bulk", content=text.encode("utf-8-sig"), headers=headers)


@pytest.mark.promise("S16")
async def test_many_units_as_json_have_a_result_each(entitlements: Harness) -> None:
    owner, other = await two_customers(entitlements)
    rows = [
        {"product_number": X70, "serial": "8LTEST0101FB"},
        {"product_number": X70, "serial": SERIAL},
        {"product_number": "NO-SUCH", "serial": "1"},
        {"product_number": X70, "serial": "8LTEST0101FB"},
        {"product_number": X70, "serial": "8LTEST0102FB", "site_id": str(owner.site_id)},
        {"product_number": X70, "colour": "black"},
        {"product_number": X70, "serial": "8LTEST0103FB", "site_id": str(other.site_id), "hardware_revision": "A"},
    ]

    answer = await entitlements.post("/v1/registrations/bulk", {"items": rows}, **as_customer(other))

    result = answer.json()
    assert (answer.status_code, result["registered"], result["refused"]) == (200, 2, 5)
    assert [row["status"] for row in result["results"]] == [
        "registered",
        "conflict",
        "invalid",
        "conflict",
        "invalid",
        "invalid",
        "registered",
    ]
    assert [row["row"] for row in result["results"]] == list(range(1, 8))
    assert "colour" in result["results"][5]["detail"]
    assert str(owner.account_id) not in answer.text
    assert [told.serial for told in await entitlements.events(ProductRegistered)][1:] == [
        "8LTEST0101FB",
        "8LTEST0103FB",
    ]


@pytest.mark.parametrize("separator", [",", ";"])
async def test_many_units_as_a_spreadsheet_saves_them(entitlements: Harness, separator: str) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    lines = [
        "product_number,serial,hardware_revision,site_id",
        f"{X70},8LTEST0201FB,B,{customer.site_id}",
        f"{X70},,A,",
        f"{X70},8LTEST0202FB,,",
        f"{X70},8LTEST0203FB,Z,",
    ]

    answer = await send_csv(entitlements, "\r\n".join(lines).replace(",", separator), customer)

    assert [row["status"] for row in answer.json()["results"]] == ["registered", "invalid", "registered", "invalid"]
    assert "serial" in answer.json()["results"][1]["detail"]
    assert len(await entitlements.events(ProductRegistered)) == 2


@pytest.mark.parametrize(
    "text", ["", "serial\nA\n", "product_number,serial,colour\nA,B,C\n", "product_number,serial\n", '"']
)
async def test_what_is_no_list_of_units_is_refused_whole(entitlements: Harness, text: str) -> None:
    customer = await a_customer(entitlements)

    assert (await send_csv(entitlements, text, customer)).status_code == 400


async def test_a_thousand_rows_take_one_request(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_product(entitlements)
    rows = "\n".join(f"{X70},8LBULK{n:05}" for n in range(1000))

    answer = await send_csv(entitlements, f"product_number,serial\n{rows}\n", customer)

    assert answer.json()["registered"] == 1000

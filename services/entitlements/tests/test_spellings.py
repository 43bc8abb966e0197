"""However a label is written, it is one unit: on every way in, for its own account and for another."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.events.entitlements import CoverageDecided, ProductRegistered, RegistrationState, registration_key
from libs.store.ids import new_id
from services.entitlements.tests.builders import Customer, a_contract, a_customer, a_product, case_opened
from services.entitlements.tests.test_registrations import as_customer
from services.entitlements.tests.test_registrations_in_bulk import send_csv
from tests.support.harness import Harness
from tests.support.spellings import labels, spelled_product_numbers, spelled_serials

NUMBER = "83Z52AA"


async def two_customers(h: Harness) -> tuple[Customer, Customer]:
    await a_product(h, NUMBER)
    owner, other = await a_customer(h), await a_customer(h, "Công ty TNHH Bến Nghé")
    for customer in (owner, other):
        await a_contract(h, customer.account_id)
    return owner, other


@given(label=labels, data=st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_spelling_of_one_label_is_one_unit(entitlements: Harness, label: str, data: st.DataObject) -> None:
    def spelled() -> dict[str, Any]:
        number, serial = data.draw(spelled_product_numbers(NUMBER)), data.draw(spelled_serials(label))
        return {"product_number": number, "serial": serial}

    h = entitlements
    await h.empty()
    owner, other = await two_customers(h)
    made = await h.post("/v1/registrations", spelled(), **as_customer(owner))
    assert made.status_code == 201, made.text
    unit = made.json()
    assert (unit["product_number"], unit["serial"]) == (NUMBER, label)

    again = await h.post("/v1/registrations", spelled(), **as_customer(owner))
    assert (again.status_code, again.json()["registration_id"]) == (409, unit["id"])
    foreign = await h.post("/v1/registrations", spelled(), **as_customer(other))
    assert (foreign.status_code, foreign.json()["registration_id"]) == (409, None)
    assert str(owner.account_id) not in foreign.text
    assert unit["id"] not in foreign.text
    many = await h.post("/v1/registrations/bulk", {"items": [spelled(), spelled()]}, **as_customer(other))
    assert [row["status"] for row in many.json()["results"]] == ["conflict", "conflict"]
    row = spelled()
    if not {"\r", "\n", '"'} & set("".join(row.values())):
        sheet = await send_csv(h, f"product_number,serial\n{row['product_number']},{row['serial']}\n", other)
        assert sheet.json()["results"][0]["status"] == "conflict", sheet.text

    async def get(path: str, customer: Customer, **query: Any) -> Any:
        headers = {"authorization": f"Bearer {h.token('customer', [customer.account_id])}"}
        answer = await h.http.get(path, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert (await get("/v1/coverage", owner, **spelled()))["covered"]
    assert (await get("/v1/coverage", other, **spelled()))["reason"] == "not_registered"
    assert [each["id"] for each in (await get("/v1/registrations", owner, **spelled()))["items"]] == [unit["id"]]
    assert (await get("/v1/registrations", other, **spelled()))["items"] == []
    licence = {"account_id": str(owner.account_id), "software": "Lens", "valid_from": "2026-01-01", **spelled()}
    assert (await h.post("/v1/licences", licence, role="manager")).json()["serial"] == label
    assert len((await get("/v1/licences", owner, **spelled()))["items"]) == 1

    case = case_opened(owner.account_id, case_id=new_id(), **spelled())
    await h.deliver(case)
    (decided,) = await h.events(CoverageDecided)
    assert decided.covered
    assert decided.product
    assert decided.product.serial == label

    (told,) = await h.events(ProductRegistered)
    assert (told.product_number, told.serial) == (NUMBER, label)
    assert {*await h.states(RegistrationState)} == {registration_key(NUMBER, label)}


async def test_what_is_no_label_registers_nothing(entitlements: Harness) -> None:
    owner, _ = await two_customers(entitlements)
    for serial in ("", " ", "S/N:", "\u200b", "\ufdfa" * 20, "A" * 101, "a\0b"):
        body = {"product_number": NUMBER, "serial": serial}
        answer = await entitlements.post("/v1/registrations", body, **as_customer(owner))
        assert answer.status_code == 422, serial
        assert answer.json()["errors"][0]["pointer"] == "/serial"

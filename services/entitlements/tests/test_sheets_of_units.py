"""Registrations as Excel and people write them: encodings, headings, names, mangled serials, again and on trial."""

import codecs
from typing import Any

import pytest

from libs.events.entitlements import ProductRegistered
from services.entitlements.tests.builders import (
    SERIAL,
    SPARE,
    X70,
    Customer,
    a_customer,
    a_product,
    a_registration,
    a_site,
)
from tests.support.harness import Harness
from tests.support.sheets import send_sheet, statuses

BULK = "/v1/registrations/bulk"


async def customer_with_product(h: Harness) -> Customer:
    customer = await a_customer(h)
    await a_product(h)
    return customer


async def send(h: Harness, sheet: str | bytes, customer: Customer, query: str = "") -> Any:
    return await send_sheet(h, f"{BULK}{query}", sheet, role="customer", accounts=[customer.account_id])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text.encode(),
        lambda text: text.encode("utf-8-sig"),
        lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    ],
    ids=["utf-8", "utf-8-sig", "unicode text", "utf-16-be"],
)
@pytest.mark.parametrize("ends", ["\r\n", "\n", "\r"])
async def test_what_excel_writes_is_read(entitlements: Harness, separator: str, encoded: Any, ends: str) -> None:
    customer = await customer_with_product(entitlements)
    lines = ["Serial Number,Product number,Site", f"8LTEST0201FB,{X70},Trụ sở Quận 1", f"00123,{X70},", ",,"]

    answer = await send(entitlements, encoded(ends.join(lines).replace(",", separator) + ends), customer)

    assert statuses(answer) == ["registered", "registered"]
    first, second = await entitlements.events(ProductRegistered)
    assert (first.serial, first.site_id) == ("8LTEST0201FB", customer.site_id)
    assert second.serial == "00123"


@pytest.mark.parametrize(
    "heading",
    ["product_number,serial", "PRODUCT NO.,S/N", "Mã sản phẩm,Số sê-ri", "mã hàng,SỐ SERI", " Product Code , sn "],
)
async def test_headings_are_what_people_call_them(entitlements: Harness, heading: str) -> None:
    customer = await customer_with_product(entitlements)

    assert statuses(await send(entitlements, f"{heading}\n{X70},{SERIAL}\n", customer)) == ["registered"]


async def test_excels_own_first_line_says_what_parts_the_cells(entitlements: Harness) -> None:
    customer = await customer_with_product(entitlements)

    answer = await send(entitlements, f"sep=;\r\nproduct_number;serial\r\n{X70};{SERIAL}\r\n", customer)

    assert statuses(answer) == ["registered"]


@pytest.mark.parametrize(
    ("sheet", "said"),
    [
        (f"product_number,colour\n{X70},red\n", "There is no column 'colour' here."),
        (f"product_number\n{X70}\n", "The heading lacks serial."),
        ("serial,S/N,product_number\nA,B,C\n", "Two columns say serial."),
        (
            f'product_number,serial\n{X70},A1\n{X70},"A2\n{X70},A3\n',
            "Line 3: a quote is opened and not closed, or something stands behind the closing one.",
        ),
        (
            f'product_number,serial\n{X70},"A1"B\n',
            "Line 2: a quote is opened and not closed, or something stands behind the closing one.",
        ),
        (b"product_number,serial\n\xff\xfe,A\n", "A table is sent in UTF-8, or as Excel's Unicode text."),
    ],
)
async def test_a_table_that_cannot_be_read_is_refused_with_the_reason(
    entitlements: Harness, sheet: str | bytes, said: str
) -> None:
    customer = await customer_with_product(entitlements)

    answer = await send(entitlements, sheet, customer)

    assert answer.status_code == 400
    assert answer.json()["detail"].startswith(said)
    assert await entitlements.events(ProductRegistered) == []


async def test_a_site_a_contact_and_a_contract_are_named_as_people_name_them(entitlements: Harness) -> None:
    customer = await customer_with_product(entitlements)
    await a_site(entitlements, customer.account_id, name="Kho Quận 7", city="Thủ Đức")
    await a_site(entitlements, customer.account_id, name="Kho Quận 7", city="Biên Hòa")
    rows = [
        f"{X70},A1,TRỤ SỞ  quận 1,AN@saomai.example",
        f"{X70},A2,{customer.site_id},Nguyễn Văn An",
        f"{X70},A3,Kho Quận 7,",
        f"{X70},A4,Nhà máy,",
        f"{X70},A5,,Nobody",
    ]

    answer = await send(entitlements, "\n".join(["product number,serial,site,contact", *rows]), customer)

    assert statuses(answer) == ["registered", "registered", "invalid", "invalid", "invalid"]
    assert [row["detail"] for row in answer.json()["results"]][2:] == [
        "site_id: 2 sites of the account are called 'Kho Quận 7': name it by its id.",
        "site_id: the account has no site called 'Nhà máy'.",
        "contact_id: the account has no contact called 'Nobody'.",
    ]
    told = await entitlements.events(ProductRegistered)
    assert {(each.site_id, each.contact_id) for each in told} == {(customer.site_id, customer.contact_id)}


async def test_a_site_of_another_account_is_unknown_by_its_name(entitlements: Harness) -> None:
    customer = await customer_with_product(entitlements)
    other = await a_customer(entitlements, "Công ty TNHH Bến Nghé", name="Kho Bến Nghé")

    answer = await send(entitlements, f"product_number,serial,site\n{X70},A1,Kho Bến Nghé\n", customer)

    assert statuses(answer) == ["invalid"]
    assert str(other.site_id) not in answer.text


@pytest.mark.parametrize(
    ("serial", "said"),
    [
        ("8.26E+12", "Excel wrote this as a number: format the column as text"),
        ("8,26e+12", "Excel wrote this as a number: format the column as text"),
        ("N/A", "it says that there is none"),
        ("n.a.", "it says that there is none"),
        ("-", "not a serial"),
    ],
)
async def test_what_is_no_serial_is_refused_on_every_way_in(entitlements: Harness, serial: str, said: str) -> None:
    customer = await customer_with_product(entitlements)
    me: dict[str, Any] = {"role": "customer", "accounts": [customer.account_id]}
    unit = {"product_number": X70, "serial": serial}

    one = await entitlements.post("/v1/registrations", unit, **me)
    many = await entitlements.post(BULK, {"items": [unit]}, **me)
    sheet = await send(entitlements, f"product_number;serial\n{X70};{serial}\n", customer)

    assert (one.status_code, one.json()["errors"][0]["pointer"]) == (422, "/serial")
    for refusal in (one, many, sheet):
        assert said in refusal.text
    assert statuses(many) == statuses(sheet) == ["invalid"]
    assert await entitlements.events(ProductRegistered) == []


@pytest.mark.parametrize("serial", ["826E12", "8E5", "E+12", "NA1"])
async def test_what_only_looks_like_it_is_a_serial(entitlements: Harness, serial: str) -> None:
    customer = await customer_with_product(entitlements)

    answer = await send(entitlements, f"product_number;serial\n{X70};{serial}\n", customer)

    assert statuses(answer) == ["registered"]


async def test_a_dry_run_answers_the_same_and_changes_nothing(entitlements: Harness) -> None:
    customer = await customer_with_product(entitlements)
    await a_registration(entitlements, customer)
    await a_registration(entitlements, customer, SPARE)
    rows = [f"{X70},A1,B", f"{X70},A1,B", f"{X70},A2,Z", f"{X70},{SERIAL},B", f"{X70},{SPARE},A", "NONE,A3,"]
    sheet = "\n".join(["product_number,serial,hardware_revision", *rows])
    before = await entitlements.state(), len(await entitlements.outbox())

    tried = await send(entitlements, sheet, customer, "?dry_run=true")

    assert statuses(tried) == ["registered", "conflict", "invalid", "unchanged", "conflict", "invalid"]
    assert tried.json() | {"results": []} == {
        "registered": 1,
        "unchanged": 1,
        "refused": 4,
        "dry_run": True,
        "results": [],
    }
    assert tried.json()["results"][0]["registration_id"] is None
    assert tried.json()["results"][4]["detail"].endswith("There it has another hardware_revision.")
    assert (await entitlements.state(), len(await entitlements.outbox())) == before
    done = await send(entitlements, sheet, customer)
    assert statuses(done) == statuses(tried)
    assert done.json()["dry_run"] is False


async def test_a_table_that_is_sent_again_changes_nothing(entitlements: Harness) -> None:
    customer = await customer_with_product(entitlements)
    sheet = f"product_number,serial,site\n{X70},A1,Trụ sở Quận 1\n{X70},A2,\n"
    assert statuses(await send(entitlements, sheet, customer)) == ["registered", "registered"]
    before = await entitlements.state(), len(await entitlements.outbox())

    again = await send(entitlements, sheet, customer)

    assert statuses(again) == ["unchanged", "unchanged"]
    assert (await entitlements.state(), len(await entitlements.outbox())) == before

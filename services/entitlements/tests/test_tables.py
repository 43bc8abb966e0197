"""Accounts, sites, contacts and contracts from a table: made, changed, left alone, refused, on trial."""

from asyncio import gather
from datetime import timedelta
from typing import Any

import pytest

from libs.events.entitlements import ContractActivated
from services.entitlements.model.opening_text import opening_hours
from services.entitlements.tests.builders import a_customer, a_site, case_opened
from tests.support.harness import Harness
from tests.support.sheets import send_sheet, statuses

ACCOUNTS = "Company;Country;Time zone;Language\nSao Mai;VN;Asia/Ho_Chi_Minh;vi\nBến Nghé;VN;Asia/Ho_Chi_Minh;\n"
SITES = (
    "Công ty\tĐịa điểm\tĐịa chỉ\tThành phố\tQuốc gia\tMúi giờ\tGiờ làm việc\tNgười liên hệ\n"
    'Sao Mai\tKho Quận 7\t"12 Lê Lợi\nTầng 3"\tThủ Đức\tVN\tAsia/Ho_Chi_Minh\tT2-T6 8:00-17:30; T7 08:00-12:00\tan@saomai.example\n'
)
CONTACTS = (
    "Account,Contact name,E-mail,Authorized\n"
    "Sao Mai,Nguyễn Văn An,an@saomai.example,TRUE\nBến Nghé,Trần Bồ,bo@bennghe.example,no\n"
)


def contracts(today: Any) -> str:
    ends = today + timedelta(days=364)
    return f"company;plan;options;start date;end date\nSao Mai;poly_plus;onsite;{today};{ends}\nBến Nghé;;;{today};{ends}\n"


async def all_four(h: Harness, query: str = "") -> dict[str, Any]:
    today = (await h.now() + timedelta(hours=7)).date()
    sheets = {"accounts": ACCOUNTS, "contacts": CONTACTS, "sites": SITES, "contracts": contracts(today)}
    return {plural: await send_sheet(h, f"/v1/{plural}/bulk{query}", sheet) for plural, sheet in sheets.items()}


async def everything(h: Harness) -> object:
    return await h.state(), len(await h.outbox())


async def test_a_company_comes_in_by_four_tables_and_again_without_harm(entitlements: Harness) -> None:
    first = await all_four(entitlements)
    stands = await everything(entitlements)
    again = await all_four(entitlements)

    assert {plural: statuses(answer) for plural, answer in first.items()} == {
        "accounts": ["created", "created"],
        "contacts": ["created", "created"],
        "sites": ["created"],
        "contracts": ["created", "created"],
    }
    assert {status for answer in again.values() for status in statuses(answer)} == {"unchanged"}
    assert await everything(entitlements) == stands
    (site,) = (await entitlements.get("/v1/sites")).json()["items"]
    contact = (await entitlements.get("/v1/contacts?email=an@saomai.example")).json()["items"][0]
    assert (site["address_lines"], site["contact_id"]) == (["12 Lê Lợi", "Tầng 3"], contact["id"])
    assert [window["weekdays"] for window in site["opening_hours"]] == [[0, 1, 2, 3, 4], [5]]
    assert contact["authorised"] is True
    activated = await entitlements.events(ContractActivated)
    assert [each.options for each in activated] == [["onsite"], []]


@pytest.mark.parametrize("plural", ["accounts", "contacts", "sites", "contracts"])
async def test_a_dry_run_says_what_would_become_of_each_row_and_changes_nothing(
    entitlements: Harness, plural: str
) -> None:
    await all_four(entitlements)
    today = (await entitlements.now() + timedelta(hours=7)).date()
    sheets = {
        "accounts": "name,language,country,time_zone\nSao Mai,en,,\nHoa Lư,vi,VN,Asia/Ho_Chi_Minh\nBến Nghé,,,\n",
        "contacts": "account,name,email,phone\nSao Mai,An,an@saomai.example,\nSao Mai,Lan,,\nBến Nghé,,bo@bennghe.example,\n",
        "sites": "account,name,city,address,country,time_zone,hours\nSao Mai,Kho Quận 7,Biên Hòa,,,,\n"
        "Sao Mai,Xưởng,Huế,1 Lê Lợi,VN,Asia/Ho_Chi_Minh,Mon-Sun 00:00-12:00\nSao Mai,KHO quận 7,,,,,\n",
    }
    sheet = sheets.get(plural) or contracts(today) + f"Sao Mai;poly_plus;;{today};{today}\n"
    path = f"/v1/{plural}/bulk"
    before = await everything(entitlements)

    tried = await send_sheet(entitlements, f"{path}?dry_run=true", sheet)

    assert await everything(entitlements) == before
    assert tried.json()["dry_run"] is True
    done = await send_sheet(entitlements, path, sheet)
    assert statuses(done) == statuses(tried)
    assert statuses(tried) == {
        "accounts": ["changed", "created", "unchanged"],
        "contacts": ["changed", "created", "unchanged"],
        "sites": ["changed", "created", "changed"],
        "contracts": ["unchanged", "unchanged", "conflict"],
    }.get(plural)
    assert await everything(entitlements) != before or plural == "contracts"


@pytest.mark.parametrize(
    ("plural", "row", "said"),
    [
        ("accounts", "name,country\nNew,VN\n", "time_zone: Field required"),
        ("accounts", "name,country\nSao Mai,DE\n", "country: it stays VN; contracts are counted by it."),
        ("contacts", "account,name\nHoa Lư,An\n", "account_id: no accounts are called 'Hoa Lư'."),
        ("contacts", "name,email\nAn,an@saomai.example\n", "Say for which account: account_id."),
        ("contacts", "account,name,email\nSao Mai,Lan,lan@\n", "email: Value error, not an e-mail address"),
        ("sites", "account,name,hours\nSao Mai,Xưởng,all day\n", "opening_hours: 'all day' is not written as in"),
        ("sites", "account,name,contact\nSao Mai,Kho Quận 7,Bồ\n", "contact_id: the account has no contact called"),
        ("contracts", "account,start,end\nSao Mai,31/01/2026,2026-12-31\n", "starts_on: Input should be a valid date"),
        ("contracts", "account,start,end\nSao Mai,2026-12-31,2026-01-31\n", "A term ends on the day it starts"),
        ("contracts", "account,start,end,plan\nSao Mai,2026-01-31,2026-12-31,gold\n", "There is no plan gold."),
    ],
)
async def test_a_row_that_cannot_be_taken_says_why_and_the_others_are_taken(
    entitlements: Harness, plural: str, row: str, said: str
) -> None:
    await all_four(entitlements)
    before = await everything(entitlements)

    answer = await send_sheet(entitlements, f"/v1/{plural}/bulk", row)

    (result,) = answer.json()["results"]
    assert (result["status"], answer.json()["refused"]) == ("invalid", 1)
    assert said in result["detail"]
    assert await everything(entitlements) == before


async def test_a_cancelled_contract_is_not_written_anew_by_its_table(entitlements: Harness) -> None:
    answers = await all_four(entitlements)
    first = answers["contracts"].json()["results"][0]["id"]
    await entitlements.post(f"/v1/contracts/{first}/cancel", {"reason": "Moved away"}, role="manager")

    again = await all_four(entitlements)

    assert statuses(again["contracts"]) == ["conflict", "unchanged"]
    assert "cancelled" in again["contracts"].json()["results"][0]["detail"]


async def test_a_customer_takes_tables_of_its_own_account_alone(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    other = await a_customer(entitlements, "Công ty TNHH Bến Nghé", name="Kho Bến Nghé")
    me: dict[str, Any] = {"role": "customer", "accounts": [customer.account_id]}
    sheet = f"account,name\n,Lan\n{other.account_id},Mai\nCông ty TNHH Bến Nghé,Chi\n"

    mine = await send_sheet(entitlements, "/v1/contacts/bulk", sheet, **me)

    assert statuses(mine) == ["created", "invalid", "invalid"]
    for plural in ("accounts", "contracts"):
        assert (await send_sheet(entitlements, f"/v1/{plural}/bulk", "name\nA\n", **me)).status_code == 403
    assert (await entitlements.post("/v1/sites/bulk", {"name": "A"}, role="manager")).status_code == 415


async def test_an_open_case_is_told_of_a_site_that_a_table_changed(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await entitlements.deliver(case_opened(customer.account_id, product_number=None, serial=None))
    sheet = f"account,name,city\n{customer.account_id},Trụ sở Quận 1,Huế\n"
    told = len(await entitlements.outbox())

    assert statuses(await send_sheet(entitlements, "/v1/sites/bulk", sheet)) == ["changed"]

    decided = [row for row in (await entitlements.outbox())[told:] if "coverage-decided" in row["type"]]
    assert len(decided) == 1


@pytest.mark.parametrize("plural", ["accounts", "contacts", "sites", "contracts"])
async def test_a_table_that_is_sent_twice_at_once_is_there_once(entitlements: Harness, plural: str) -> None:
    today = (await entitlements.now() + timedelta(hours=7)).date()
    sheets = {"accounts": ACCOUNTS, "contacts": CONTACTS, "sites": SITES, "contracts": contracts(today)}
    for each in () if plural == "accounts" else ("accounts", "contacts"):
        if each != plural:
            await send_sheet(entitlements, f"/v1/{each}/bulk", sheets[each])

    answers = await gather(*(send_sheet(entitlements, f"/v1/{plural}/bulk", sheets[plural]) for _ in range(3)))

    assert sorted({status for answer in answers for status in statuses(answer)}) == ["created", "unchanged"]
    there = (await entitlements.get(f"/v1/{plural}")).json()["items"]
    assert len(there) == len(answers[0].json()["results"])


async def test_a_table_that_would_take_too_long_is_refused_whole(entitlements: Harness) -> None:
    rows = "Sao Mai,2026-01-01,2026-12-31\n" * 201

    answer = await send_sheet(entitlements, "/v1/contracts/bulk", f"account,start,end\n{rows}")

    assert (answer.status_code, answer.json()["limit"]) == (400, 200)


async def test_two_sites_of_one_name_are_not_guessed_between(entitlements: Harness) -> None:
    customer = await a_customer(entitlements)
    await a_site(entitlements, customer.account_id, name="Trụ sở Quận 1", city="Huế")

    sheet = f"account,name,city\n{customer.account_id},Trụ sở Quận 1,Huế\n"
    answer = await send_sheet(entitlements, "/v1/sites/bulk", sheet)

    assert statuses(answer) == ["invalid"]


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("Mon-Fri 8:00-17:30", [([0, 1, 2, 3, 4], "08:00", "17:30")]),
        (
            "T2 – T6 08:00 – 17:30; CN 09:00-12:00",
            [([0, 1, 2, 3, 4], "08:00", "17:30"), ([6], "09:00", "12:00")],
        ),
        ("Sunday-Thursday 08:00-17:00", [([0, 1, 2, 3, 6], "08:00", "17:00")]),
    ],
)
def test_opening_hours_are_read_from_one_cell(text: str, windows: list[tuple[list[int], str, str]]) -> None:
    assert [(each["weekdays"], each["opens"], each["closes"]) for each in opening_hours(text)] == windows

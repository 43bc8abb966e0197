"""Parts and stock from a table, as a spreadsheet saves it: made, changed, left alone, refused, on trial."""

import codecs
from typing import Any

import pytest

from services.rma.tests.builders import Case, goods_in, reserved, seen
from services.rma.tests.network import CAMERA, HCM, SGP, UNIT, a_network
from tests.support.harness import Harness
from tests.support.sheets import send_sheet, statuses

PARTS = (
    "Mã linh kiện;Tên;Component;Fits;Substitutes;Price;Lithium\n"
    "P-MIC-1;Micrô bàn;microphone;X70 (A/B); P-MIC-2,P-MIC-3;1.250,00 USD;no\n"
    "P-MIC-2;Micrô trần;microphone;X70;;125,50 USD;true\n"
    "P-BAT-1;Pin;battery;X70;;2450000 VND;true\n"
)
STOCK = "Depot\tPart no.\tCounted\tMinimum\nHCM\tP-CAM-70\t7\t2\nSGP\tP-CAM-70\t\t1\n"


async def parts(rma: Harness) -> dict[str, dict[str, Any]]:
    return {each["part_number"]: each for each in (await rma.get("/v1/parts?limit=200")).json()["items"]}


async def everything(rma: Harness) -> object:
    return await rma.state(), len(await rma.outbox())


@pytest.mark.promise("S2")
async def test_the_catalogue_comes_in_by_a_table_and_again_without_harm(rma: Harness) -> None:
    await a_network(rma)
    first = await send_sheet(rma, "/v1/parts/bulk", PARTS)
    assert statuses(first) == ["invalid", "created", "created"]
    assert "is not written as in `489.00 USD`" in first.json()["results"][0]["detail"]
    stands = await everything(rma)
    assert statuses(await send_sheet(rma, "/v1/parts/bulk", PARTS)) == ["invalid", "unchanged", "unchanged"]
    assert await everything(rma) == stands
    found = await parts(rma)
    assert found["P-MIC-2"]["list_price"] == {"amount_minor": 12550, "currency": "USD"}
    assert found["P-BAT-1"]["list_price"] == {"amount_minor": 2450000, "currency": "VND"}
    assert (found["P-BAT-1"]["hazardous"], found["P-MIC-2"]["fits"][0]["product_number"]) == (True, UNIT)
    later = "part_number,fits,active,component\nP-MIC-2,X70 (B/C); X50,false,\nP-BAT-1,,,motor\nP-NEW,,,\n"
    answer = await send_sheet(rma, "/v1/parts/bulk", later)
    assert statuses(answer) == ["changed", "invalid", "invalid"]
    assert "component: it stays battery" in answer.json()["results"][1]["detail"]
    changed = (await parts(rma))["P-MIC-2"]
    assert [(each["product_number"], each["hardware_revisions"]) for each in changed["fits"]] == [
        ("X70", ["B", "C"]),
        ("X50", []),
    ]
    assert not changed["active"]


@pytest.mark.promise("S2", "S3")
async def test_what_was_counted_comes_in_by_a_table_as_excel_saves_it_and_serves_who_waits(rma: Harness) -> None:
    await a_network(rma, camera=0)
    case = Case()
    await rma.deliver(case.opened(), case.covered(), case.diagnosed())
    assert (await seen(rma, case.rma_id))["state"] == "backordered"
    body = codecs.BOM_UTF16_LE + STOCK.encode("utf-16-le")
    tried = await send_sheet(rma, "/v1/stock/bulk?dry_run=true", body)
    assert (statuses(tried), (await rma.get("/v1/stock")).json()["items"]) == (["created", "created"], [])
    answer = await send_sheet(rma, "/v1/stock/bulk", body)
    assert [(each["status"], each["name"]) for each in answer.json()["results"]] == [("created", CAMERA)] * 2
    await rma.fire_timers()
    assert (await seen(rma, case.rma_id))["state"] == "reserved"
    shelves = {each["depot_id"]: each for each in (await rma.get("/v1/stock")).json()["items"]}
    assert [(shelves[str(d)]["on_hand"], shelves[str(d)]["reorder_point"]) for d in (HCM, SGP)] == [(7, 2), (0, 1)]
    stands = await everything(rma)
    assert statuses(await send_sheet(rma, "/v1/stock/bulk", body)) == ["unchanged", "unchanged"]
    assert await everything(rma) == stands


async def test_a_shelf_that_cannot_be_booked_says_why_and_the_others_are(rma: Harness) -> None:
    await a_network(rma)
    await reserved(rma, Case())
    await goods_in(rma, 1, depot_id=SGP)
    sheet = "depot,part_number,on_hand\nHCM,P-CAM-70,0\nHAN,P-CAM-70,1\nHCM,P-NOPE,1\nHCM,P-CAM-70,-1\nSGP,P-CAM-70,4\n"
    answer = await send_sheet(rma, "/v1/stock/bulk", sheet, role="depot", depots=[HCM])
    assert statuses(answer) == ["conflict", "invalid", "invalid", "invalid", "invalid"]
    said = [each["detail"] for each in answer.json()["results"]]
    assert "kept for RMAs" in said[0]
    assert ("no depot HAN" in said[1], "no part P-NOPE" in said[2], "own stock" in said[4]) == (True, True, True)
    assert statuses(await send_sheet(rma, "/v1/stock/bulk", sheet)) == [*["conflict"], *["invalid"] * 3, "changed"]
    assert (await send_sheet(rma, "/v1/stock/bulk", sheet, role="engineer")).status_code == 403

"""Cases are found by the words of what their reader may read, however Vietnamese was typed, and by their number or serial first."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

import asyncpg
import pytest

from services.cases.queries import case_search
from services.cases.tests.builders import ACCOUNT, CUSTOMER, OTHER, STRANGER, did, in_progress, opened, resolved, shown
from tests.support.harness import Harness

RESELLER: dict[str, Any] = {"role": "reseller", "accounts": [ACCOUNT, OTHER]}
PARTNER: dict[str, Any] = {"role": "partner", "accounts": [ACCOUNT]}


async def found(h: Harness, q: str, more: str = "", **caller: Any) -> list[str]:
    """The ids, page after page."""
    ids, cursor = list[str](), ""
    while True:
        answer = await h.get(f"/v1/cases?q={quote(q)}{more}{cursor}", **caller)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [each["id"] for each in page["items"]]
        if page["next_cursor"] is None:
            return ids
        cursor = f"&cursor={page['next_cursor']}"


async def test_words_of_description_notes_and_resolution_meet_in_the_case(cases: Harness) -> None:
    of = await in_progress(cases, description="Đèn báo của máy nhấp nháy")
    case_id = str(of)
    other = str(await opened(cases, description="Đen màn hình, không có gì khác"))
    await did(cases, of, "notes", {"text": "The firmware 4.5.1 was installed.", "visibility": "public"}, **CUSTOMER)
    for q in ("đèn báo", "den bao", "ĐÈN BÁO", "nhap nhay firmware", "đèn install", "4.5.1 den", "báo  firmw"):
        assert await found(cases, q, **CUSTOMER) == [case_id], q
    assert await found(cases, "den") == [other, case_id]
    for q in ("đến", "den bao khac", "firmw bao", "...", "nhấp nhảy"):
        assert await found(cases, q) == [], q
    await did(cases, of, "resolve", {"resolution": "Replaced the lamp"})
    assert await found(cases, "lamp firmware nhay", **CUSTOMER) == [case_id]
    await did(cases, of, "reopen", {"reason": "again"}, **CUSTOMER)
    assert await found(cases, "lamp") == []


async def test_a_customer_and_a_partner_find_nothing_by_an_internal_note(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await did(cases, case_id, "notes", {"text": "They suspect sabotage", "visibility": "internal"})
    assert await found(cases, "sabotage") == [str(case_id)]
    for caller in (CUSTOMER, RESELLER, PARTNER):
        assert await found(cases, "sabotage", **caller) == []
        assert await found(cases, "camera", **caller) == [str(case_id)]
    for nobody in (STRANGER, {"role": "partner", "accounts": []}, {"role": "partner", "accounts": [OTHER]}):
        assert await found(cases, "camera", **nobody) == []


async def test_what_was_taken_out_or_corrected_is_not_found_any_more(cases: Harness) -> None:
    case_id = await in_progress(cases, description="the password is hunter2")
    note = await did(cases, case_id, "notes", {"text": "and swordfish", "visibility": "public"})
    assert await found(cases, "hunter2 swordfish") == [str(case_id)]
    await did(cases, case_id, "redact", {"what": "note", "text_id": note["id"], "reason": "a password"}, role="manager")
    await did(
        cases, case_id, "redact", {"what": "description", "reason": "a password", "replacement": "gone"}, role="manager"
    )
    for q in ("hunter2", "swordfish"):
        assert await found(cases, q) == []
    assert await found(cases, "gone") == [str(case_id)]
    await did(cases, case_id, "correct", {"description": "no picture", "reason": "wrong"})
    assert (await found(cases, "gone"), await found(cases, "picture")) == ([], [str(case_id)])
    async with cases.transaction() as tx:
        kept = await tx.connection.fetch(
            "SELECT text_words::text FROM cases UNION ALL SELECT text_words::text FROM notes"
        )
    assert not [row for row in kept if "hunter2" in row[0] or "swordfish" in row[0]]


async def test_a_number_or_serial_is_one_word_and_whoever_has_it_comes_first(cases: Harness) -> None:
    one = await opened(cases, serial="T4E-668")
    number = (await shown(cases, one))["number"]
    two = await opened(cases, serial="SN-2", description=f"as in {number}, the unit T4E-668 beside it")
    three = await opened(cases, serial="SN-3", description="T4E 668, once more")
    for q in (number, number.lower()):
        assert await found(cases, q) == [str(one), str(two)]
        assert await found(cases, q, "&limit=1") == [str(one), str(two)]
    for q in ("T4E-668", "t4e-668", "S/N: T4E-668"):
        assert (await found(cases, q, "&limit=1"))[0] == str(one)
    assert await found(cases, "t4e-668") == [str(one), str(three), str(two)]
    assert await found(cases, "T4E-6") == [str(three), str(two), str(one)]
    assert await found(cases, "668 beside") == [str(two)]
    assert await found(cases, "case") == [str(two)]
    assert await found(cases, number, **STRANGER) == []


async def test_a_search_goes_with_every_filter_order_and_count(cases: Harness) -> None:
    ids = [str(await opened(cases, description=f"projector {n}", serial=f"SN-{n}")) for n in range(3)]
    done = str(await resolved(cases, description="projector done"))
    assert await found(cases, "projector", "&limit=1") == [done, *reversed(ids)]
    assert await found(cases, "projector", "&open=true&limit=2") == [*reversed(ids)]
    assert await found(cases, "projector", "&sort=opened_at&limit=3&state=acknowledged") == ids
    assert await found(cases, "projector", "&sort=updated_at") == [*ids, done]
    assert await found(cases, "projector", f"&account_id={OTHER}") == []
    middle = (await shown(cases, UUID(ids[1])))["opened_at"].replace("+", "%2B")
    assert await found(cases, "projector", f"&opened_before={middle}") == ids[:1]
    assert await found(cases, "projector", f"&opened_from={middle}") == [done, ids[2], ids[1]]
    counts = (await cases.get("/v1/cases?q=projector&counts=state")).json()["counts"]["state"]
    assert (counts["acknowledged"], counts["resolved"]) == (3, 1)


async def test_among_more_than_are_looked_at_the_pages_go_on(cases: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_search, "MOST", 2)
    ids = [
        str(await opened(cases, description="projector", serial=f"SN-{n}", severity="minor" if n < 2 else "major"))
        for n in range(7)
    ]
    assert await found(cases, "projector", "&limit=3") == [*reversed(ids)]
    assert await found(cases, "projector", "&limit=1") == [*reversed(ids)]
    assert await found(cases, "projector", "&severity=minor") == [*reversed(ids[:2])]
    assert (await found(cases, "SN-1", "&limit=1")) == [ids[1]]
    refused = await cases.get("/v1/cases?q=projector&sort=updated_at")
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:polyplus:problem:say-more")


async def test_a_search_that_takes_too_long_says_what_to_do(cases: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_search, "PATIENCE_MS", 50)
    owner = await asyncpg.connect(cases._owner_url)
    try:
        async with owner.transaction():
            await owner.execute("LOCK case_texts")
            answer = await cases.get("/v1/cases?q=projector")
    finally:
        await owner.close()
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:polyplus:problem:say-more")
    assert "say more of them" in answer.json()["detail"]


async def test_the_words_of_a_long_case_end_and_it_takes_notes_all_the_same(cases: Harness) -> None:
    case_id = await in_progress(cases, description="projector")
    await did(cases, case_id, "notes", {"text": "zebra"})
    for n in range(9):
        text = " ".join(f"{'w' * 33}{n}x{m:04}" for m in range(240))
        await did(cases, case_id, "notes", {"text": text, "visibility": "public"})
    many = " ".join(f"w{n:05}" for n in range(1_200))
    for n in range(8):
        await did(cases, case_id, "notes", {"text": many.replace("w", f"w{n}"), "visibility": "public"})
    assert await found(cases, "projector", **CUSTOMER) == [str(case_id)]
    assert await found(cases, "zebra") == []
    async with cases.database.pool.acquire() as connection:
        assert await connection.fetch("SELECT * FROM case_texts") == []

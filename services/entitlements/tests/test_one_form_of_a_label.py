"""Rows from before labels had one form: what the migration makes of them, and what the service tells afterwards."""

import json
from typing import Any

import asyncpg

from deploy.local.migrate import migrate
from libs.events.entitlements import CoverageDecided, RegistrationState, registration_key
from libs.store.ids import new_id
from services.entitlements.tests.before import FIRST, NUMBER, SECOND, Before, old_key, step


async def test_rows_get_the_one_form_and_a_second_claim_is_marked(before: Before) -> None:
    for account in (FIRST, SECOND):
        await before.account(account)
    at = await before.owner.fetchval("SELECT app_now()")
    product = {
        "family": "studio",
        "hardware_revisions": [],
        "whole_unit": True,
        "model": "Studio X70",
        "created_at": at,
    }
    await before.row("products", product_number="83z52aa", **product)
    lower = await before.registration(
        FIRST,
        "t4e6 68c8",
        "83z52aa",
        version=3,
        history=[step("customer:b", None), step("manager:m", "sold by B, unpaid")],
    )
    mine = [step("customer:a", None), step("customer:a", "changed")]
    plain = await before.registration(FIRST, "PLAIN1", history=mine)
    first = await before.registration(FIRST, "clash1")
    second = await before.registration(SECOND, "CLASH1", version=7)
    third = await before.registration(SECOND, "clash 1")
    old = await before.row(
        "registered_serials",
        id=old_key(NUMBER, "old1"),
        account_id=FIRST,
        registration_id=lower,
        product_number=NUMBER,
        serial="old1",
        replaced_by="t4e6 68c8",
        successor=old_key("83z52aa", "t4e6 68c8"),
        replaced_at=at,
    )
    licence = await before.row(
        "licences",
        account_id=FIRST,
        key="K",
        software="Lens",
        premium=False,
        product_number=NUMBER,
        serial="plain1",
        valid_from=at.date(),
        state="active",
        distances=[],
        history=[],
        created_at=at,
    )
    replacement = await before.row(
        "replacements",
        case_id=new_id(),
        old_key=old_key(NUMBER, "x1"),
        product_number=NUMBER,
        old_serial="x1",
        new_product_number=NUMBER,
        new_serial="x2",
        installed_at=at,
        by="a",
        applied=False,
    )
    opening = {
        "product_number": "83z52aa",
        "serial": "T4E668C8",
        "site_id": None,
        "contact_id": None,
        "opened_at": at.isoformat(),
    }
    case = await before.row(
        "case_files", account_id=FIRST, unit=old_key("83z52aa", "T4E668C8"), opening=opening, is_open=True, decisions=0
    )

    await migrate("entitlements", before.made.owner_url)

    async def fetch(sql: str, *arguments: Any) -> list[asyncpg.Record]:
        return list(await before.owner.fetch(sql, *arguments))

    units = {r["id"]: r for r in await fetch("SELECT * FROM registrations")}
    assert [(units[id]["product_number"], units[id]["serial"]) for id in (lower, plain, first)] == [
        (NUMBER, "T4E668C8"),
        (NUMBER, "PLAIN1"),
        (NUMBER, "CLASH1"),
    ]
    assert [units[id]["serial"] for id in (second, third)] == ["CLASH1", "clash 1"]
    assert [bool(units[id]["disputed_at"]) for id in (lower, plain, first, second, third)] == [
        False,
        False,
        False,
        True,
        True,
    ]
    now = {"account_id": str(FIRST)}
    assert json.loads(units[plain]["history"]) == [{**each, **now} for each in mine]
    sold = [step("customer:b", None), step("manager:m", "sold by B, unpaid"), step("manager:m", None, **now)]
    assert json.loads(units[lower]["history"]) == sold
    serials = {r["id"]: r for r in await fetch("SELECT * FROM registered_serials")}
    held = {
        serial: serials[registration_key(NUMBER, serial)]["registration_id"]
        for serial in ("T4E668C8", "PLAIN1", "CLASH1")
    }
    assert held == {"T4E668C8": lower, "PLAIN1": plain, "CLASH1": first}
    ancestor = serials[registration_key(NUMBER, "OLD1")]
    assert (ancestor["replaced_by"], ancestor["successor"]) == ("T4E668C8", registration_key(NUMBER, "T4E668C8"))
    assert old not in serials
    assert (await fetch("SELECT serial FROM licences WHERE id = $1", licence))[0]["serial"] == "PLAIN1"
    (kept,) = await fetch("SELECT old_key, old_serial, new_serial FROM replacements WHERE id = $1", replacement)
    assert tuple(kept) == (registration_key(NUMBER, "X1"), "X1", "X2")
    assert (await fetch("SELECT product_number FROM products"))[0]["product_number"] == NUMBER
    assert (await fetch("SELECT unit FROM case_files WHERE id = $1", case))[0]["unit"] == registration_key(
        NUMBER, "T4E668C8"
    )

    async with before.upgraded() as h:
        latest = await h.states(RegistrationState)
        told = {(state.serial, state.account_id): state.plan for state in latest.values() if state}
        assert told == {
            ("T4E668C8", FIRST): "poly_plus",
            ("PLAIN1", FIRST): "poly_plus",
            ("CLASH1", FIRST): "poly_plus",
            ("OLD1", FIRST): None,
        }
        outbox = {r["key"] for r in await h.outbox() if r["topic"] == RegistrationState.contract.topic}
        assert outbox - latest.keys() == {
            old_key("83z52aa", "t4e6 68c8"),
            old_key(NUMBER, "clash1"),
            old_key(NUMBER, "clash 1"),
            old_key(NUMBER, "old1"),
        }
        (decided,) = await h.events(CoverageDecided)
        assert (decided.case_id, decided.covered) == (case, True)

        disputed = (await h.get("/v1/registrations?disputed=true", role="manager")).json()["items"]
        assert {each["id"] for each in disputed} == {str(second), str(third)}
        moved = await h.post(
            f"/v1/registrations/{second}/transfer", {"account_id": str(FIRST), "reason": "theirs"}, role="manager"
        )
        assert (moved.status_code, moved.json()["possible"]) == (409, ["withdraw"])
        for id in (second, third):
            ended = await h.post(f"/v1/registrations/{id}/withdraw", {"reason": "a second spelling"}, role="manager")
            assert ended.status_code == 200, ended.text
        covered = await h.get(f"/v1/coverage?product_number={NUMBER}&serial=clash1", role="customer", accounts=[FIRST])
        assert covered.json()["covered"]


async def test_what_is_registered_is_told_again_when_its_topic_is_made_anew(before: Before) -> None:
    await before.account(FIRST)
    await before.account(SECOND)
    await before.registration(FIRST, "PLAIN1")
    await migrate("entitlements", before.made.owner_url, "0011")
    await before.owner.execute("DELETE FROM timers")

    async with before.upgraded() as h:
        told = [*(await h.states(RegistrationState)).values()]
    assert [state and (state.account_id, state.serial, state.plan) for state in told] == [
        (FIRST, "PLAIN1", "poly_plus")
    ]

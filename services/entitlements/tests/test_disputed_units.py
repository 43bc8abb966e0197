"""Two accounts with one unit: each account's cases, replacements and records are of its own registration, whatever the other does."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from deploy.local.migrate import migrate
from deploy.local.waiting import until_async
from libs.events.entitlements import CoverageDecided, RegistrationState, SerialReplaced, registration_key
from libs.store.ids import new_id
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.tests.before import FIRST, NUMBER, SECOND, Before, old_key
from services.entitlements.tests.builders import (
    SERIAL,
    SPARE,
    X70,
    a_covered_customer,
    a_customer,
    a_registration,
    case_opened,
    replaced,
)
from tests.support.harness import Harness


async def two_accounts(before: Before) -> None:
    for account in (FIRST, SECOND):
        await before.account(account)


async def decided_for(h: Harness, account: UUID, serial: str, number: str = NUMBER) -> CoverageDecided:
    """The last word on a new case of the account's about this unit."""
    opened = case_opened(account, serial=serial, product_number=number)
    await h.deliver(opened)
    return [each for each in await h.events(CoverageDecided) if each.case_id == opened.case_id][-1]


async def unit(h: Harness, id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = (await h.get(f"/v1/registrations/{id}", role="manager")).json()
    return found


async def test_what_replaced_a_unit_stays_its_own_accounts_when_another_claims_it(before: Before) -> None:
    await two_accounts(before)
    mine = await before.registration(FIRST, "abc")
    await before.replaced_serial(mine, FIRST, "R0", "abc")
    theirs = await before.registration(SECOND, "ABC")
    await before.replaced_serial(theirs, SECOND, "Q0", "ABC")

    async with before.upgraded() as h:
        decided = await decided_for(h, FIRST, "R0")
        assert decided.product
        assert (decided.product.registration_id, decided.product.serial, decided.covered) == (mine, "ABC", True)
        of_theirs = await decided_for(h, SECOND, "Q0")
        assert of_theirs.product
        assert of_theirs.product.registration_id == theirs
        withdrawn = await h.post(f"/v1/registrations/{theirs}/withdraw", {"reason": "a spelling"}, role="manager")
        assert withdrawn.status_code == 200
        assert (await decided_for(h, FIRST, "R0")).covered


@pytest.mark.parametrize("of_another", [True, False])
async def test_a_units_line_ends_where_the_next_is_another_accounts_or_gone(
    entitlements: Harness, *, of_another: bool
) -> None:
    h, customer = entitlements, await a_covered_customer(entitlements)
    other = await a_customer(h, "Công ty TNHH Bến Nghé")
    await a_registration(h, other, SPARE, site_id=None)
    next_one = SPARE if of_another else "8LGONE0001FB"
    async with h.transaction() as tx:
        serial = await RegisteredSerial.get(registration_key(X70, SERIAL), tx, lock=True)
        serial.successor = registration_key(X70, next_one)

    decided = await decided_for(h, customer.account_id, SERIAL, X70)

    assert decided.product
    assert (decided.product.serial, decided.covered) == (SERIAL, True)


@pytest.mark.parametrize("known_by", ["its envelope", "its case"])
async def test_a_replacement_moves_no_registration_of_another_account(entitlements: Harness, known_by: str) -> None:
    h, owner = entitlements, await a_covered_customer(entitlements)
    other = await a_customer(h, "Công ty TNHH Bến Nghé")
    opened = case_opened(other.account_id)
    installed = replaced(opened.case_id)
    if known_by == "its case":
        await h.deliver(opened, installed)
    else:
        await h.deliver(h.delivery(installed, account_id=other.account_id), opened)

    assert await h.events(SerialReplaced) == []
    (mine,) = (await h.get("/v1/registrations")).json()["items"]
    assert (mine["serial"], mine["account_id"]) == (SERIAL, str(owner.account_id))
    assert (await decided_for(h, owner.account_id, SERIAL, X70)).covered

    # it waits for its own account's registration
    await h.post(f"/v1/registrations/{mine['id']}/withdraw", {"reason": "theirs"}, role="manager")
    theirs = await a_registration(h, other, site_id=None)
    assert (await unit(h, UUID(theirs)))["serial"] == SPARE


async def test_a_unit_handed_to_the_account_whose_replacement_waits_is_replaced(entitlements: Harness) -> None:
    h, _ = entitlements, await a_covered_customer(entitlements)
    other = await a_customer(h, "Công ty TNHH Bến Nghé")
    await h.deliver(replaced(new_id()), account_id=other.account_id)
    (unit_of_one,) = (await h.get("/v1/registrations")).json()["items"]

    handed = {"account_id": str(other.account_id), "reason": "it is theirs"}
    answer = await h.post(f"/v1/registrations/{unit_of_one['id']}/transfer", handed, role="manager")

    assert answer.status_code == 200, answer.text
    (told,) = await h.events(SerialReplaced)
    assert (told.account_id, told.new_serial) == (other.account_id, SPARE)
    assert (await unit(h, told.registration_id))["serial"] == SPARE


async def test_a_replacement_whose_account_nobody_knows_moves_nothing(entitlements: Harness) -> None:
    await a_covered_customer(entitlements)

    await entitlements.deliver(replaced(new_id()))

    assert await entitlements.events(SerialReplaced) == []


async def test_a_unit_replaced_long_ago_puts_its_registration_in_no_dispute(before: Before) -> None:
    await two_accounts(before)
    mine = await before.registration(FIRST, "abc")
    theirs = await before.registration(SECOND, "XYZ")
    await before.replaced_serial(theirs, SECOND, "ABC", "XYZ")
    respelled = await before.registration(SECOND, "def")
    await before.replaced_serial(respelled, SECOND, "DEF", "def")
    twice = {"account_id": FIRST, "registration_id": mine, "product_number": NUMBER, "serial": "a bc"}
    await before.row("registered_serials", id=old_key(NUMBER, "a bc"), **twice)

    async with before.upgraded() as h:
        assert (await h.get("/v1/registrations?disputed=true", role="manager")).json()["items"] == []
        latest = await h.states(RegistrationState)
        assert {(state.serial, state.account_id) for state in latest.values() if state} == {
            ("ABC", FIRST),
            ("XYZ", SECOND),
            ("DEF", SECOND),
        }
        assert set(latest) >= {registration_key(NUMBER, serial) for serial in ("ABC", "XYZ", "DEF")}
        opened = [case_opened(SECOND, serial=serial, product_number=NUMBER) for serial in ("XYZ", "DEF")]
        await h.deliver(*opened)
        for case, new in zip(opened, ("NEW1", "NEW2"), strict=True):
            await h.deliver(replaced(case.case_id, case.serial or "", new, product_number=NUMBER), account_id=SECOND)
        serials = [(await unit(h, id))["serial"] for id in (mine, theirs, respelled)]
        assert serials == ["ABC", "NEW1", "NEW2"]


async def test_a_replacement_of_a_unit_in_dispute_waits(entitlements: Harness) -> None:
    h, customer = entitlements, await a_covered_customer(entitlements)
    async with h.transaction() as tx:
        (registration,) = await tx.select(Registration, lock=True)
        registration.disputed_at = tx.now

    await h.deliver(replaced(new_id()), account_id=customer.account_id)

    assert await h.events(SerialReplaced) == []
    (mine,) = (await h.get("/v1/registrations")).json()["items"]
    assert mine["serial"] == SERIAL


@pytest.mark.parametrize(
    ("held", "by"), [("case_files", "SELECT FROM case_files FOR UPDATE"), ("sites", "DELETE FROM sites")]
)
async def test_who_reads_never_waits_while_rows_are_rewritten_or_indexes_built(
    before: Before, held: str, by: str
) -> None:
    await two_accounts(before)
    await before.registration(FIRST, "abc")
    await before.row("case_files", account_id=FIRST, unit=new_id(), is_open=True, decisions=0, opening=json_of("abc"))
    reader = await asyncpg.connect(before.made.owner_url)
    await before.owner.execute("BEGIN")
    await before.owner.execute(by)  # the migration comes to stand still here, late in its work
    migrating = asyncio.create_task(migrate("entitlements", before.made.owner_url))

    async def waits() -> bool:
        return bool(
            await reader.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    await until_async(waits, seconds=60, otherwise="the migration waits for nothing")
    taken = await reader.fetch(
        "SELECT relation::regclass::text AS name FROM pg_locks JOIN pg_class c ON c.oid = relation"
        " WHERE mode = 'AccessExclusiveLock' AND granted AND relkind = 'r'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await before.owner.execute("ROLLBACK")
    await migrating
    await reader.close()

    assert [row["name"] for row in taken] == [], held


def json_of(serial: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("site_id", "contact_id"))
    return {"product_number": NUMBER, "serial": serial, "opened_at": "2026-01-05T08:00:00Z", **nothing}

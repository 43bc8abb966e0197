"""The charge for what does not come back: written once, taken off once, and what the ERP books is what the RMAs say."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st

from libs.events.rma_returns import InvoiceDisputed, InvoiceSettled, InvoiceUpheld, NonReturnInvoiced
from libs.kit.calendar import CalendarData, calendar
from services.rma.tests.builders import ACCOUNT, Case, delivered, made, refused, seen
from services.rma.tests.network import a_network, days
from tests.support.harness import Harness
from tests.support.order import in_any_order

THERE = calendar(CalendarData.model_validate(days("Asia/Ho_Chi_Minh")))
PRICE = 49900


async def charged(rma: Harness, name: str = "case") -> UUID:
    """An RMA whose defective part never came."""
    rma_id = await delivered(rma, Case(name, serial=f"SN {name}"), serial=f"NEW {name}")
    due = date.fromisoformat((await seen(rma, rma_id))["return_due"])
    await rma.advance(THERE.at(due + timedelta(days=20), "00:00") - await rma.now())
    assert (await seen(rma, rma_id))["charge"] == "invoiced"
    return rma_id


async def exported(rma: Harness, **how: Any) -> dict[str, dict[str, Any]]:
    """What an ERP holds that takes every page, each twice, and keeps the last line of each invoice."""
    books: dict[str, dict[str, Any]] = {}
    cursor: str | None = ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        pages = [(await rma.get(f"/v1/charges?limit=1{more}", role="manager")).json() for _ in range(2)]
        assert pages[0] == pages[1]
        books |= {line["invoice_number"]: line for page in pages for line in page["items"]}
        cursor = pages[0]["next_cursor"]
    return books


@pytest.mark.promise("S3")
async def test_a_charge_stands_while_the_wrong_thing_comes_back_and_is_off_once_the_right_one_does(
    rma: Harness,
) -> None:
    await a_network(rma)
    rma_id = await charged(rma)
    path = f"/v1/rmas/{rma_id}"
    assert (await made(rma, f"{path}/receive", {"serial": "SOMETHING-ELSE"}, role="depot"))["charge"] == "invoiced"
    found = await made(rma, f"{path}/inspect", {"result": "wrong_unit", "note": "a brick"}, role="depot")
    assert (found["return_state"], found["charge"]) == ("awaiting_return", "invoiced")
    assert await rma.events(InvoiceSettled) == []
    await rma.advance(timedelta(days=40))
    found = await seen(rma, rma_id)
    assert (found["return_state"], found["charge"], found["invoice"]["settled"]) == ("overdue", "invoiced", None)

    await made(rma, f"{path}/receive", {"serial": "OLD-1"}, role="depot")
    found = await made(rma, f"{path}/inspect", {"result": "damaged"}, role="depot")
    assert (found["charge"], found["state"]) == ("credited", "closed")
    body = {"outcome": "credited", "reason": "again"}
    assert refused(await rma.post(f"{path}/settle", body, role="manager")) == (409, "nothing-to-settle")
    assert len(await rma.events(NonReturnInvoiced)) == len(await rma.events(InvoiceSettled)) == 1


async def test_a_disputed_charge_is_not_exported_until_it_is_decided(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await charged(rma)
    path, customer = f"/v1/rmas/{rma_id}", {"role": "customer", "accounts": [ACCOUNT]}
    upheld = {"outcome": "upheld", "reason": "no parcel was handed in"}
    assert refused(await rma.post(f"{path}/settle", upheld, role="manager")) == (409, "not-disputed")
    [number] = await exported(rma)
    found = await made(rma, f"{path}/dispute", {"reason": "We sent it in May."}, **customer)
    assert (found["charge"], "dispute" in found["possible"]) == ("disputed", False)
    assert await exported(rma) == {}
    again = await rma.post(f"{path}/dispute", {"reason": "Still."}, **customer)
    assert refused(again) == (409, "not-possible-now")

    assert (await made(rma, f"{path}/settle", upheld, role="manager"))["charge"] == "invoiced"
    assert (await exported(rma))[number]["owed"]["amount_minor"] == PRICE
    [disputed], [told] = await rma.events(InvoiceDisputed), await rma.events(InvoiceUpheld)
    assert (disputed.reason, told.reason) == ("We sent it in May.", "no parcel was handed in")
    assert disputed.invoice_number == told.invoice_number == number


async def test_the_depots_refusal_of_what_came_decides_a_dispute(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await charged(rma)
    path = f"/v1/rmas/{rma_id}"
    await made(rma, f"{path}/dispute", {"reason": "It is on its way."}, role="engineer")
    await made(rma, f"{path}/receive", {"serial": "TOASTER"}, role="depot")
    found = await made(rma, f"{path}/inspect", {"result": "wrong_unit", "note": "a toaster"}, role="depot")
    assert (found["charge"], len(await exported(rma))) == ("invoiced", 1)
    assert [event.reason for event in await rma.events(InvoiceUpheld)] == ["a toaster"]


async def test_a_charge_that_was_settled_is_not_written_again_when_the_new_window_passes(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await charged(rma)
    path = f"/v1/rmas/{rma_id}"
    await made(rma, f"{path}/receive", {"serial": "TOASTER"}, role="depot")
    await made(rma, f"{path}/inspect", {"result": "wrong_unit"}, role="depot")
    found = await made(rma, f"{path}/settle", {"outcome": "waived", "reason": "a good customer"}, role="manager")
    assert (found["return_state"], found["charge"]) == ("awaiting_return", "waived")
    await rma.advance(timedelta(days=40))
    found = await seen(rma, rma_id)
    assert (found["return_state"], found["charge"], found["state"]) == ("waived", "waived", "closed")
    assert len(await rma.events(NonReturnInvoiced)) == 1


async def test_what_comes_after_it_was_waived_is_received_and_nothing_else_is_awaited(rma: Harness) -> None:
    await a_network(rma)
    for name, result, left in (("it", "confirmed", "inspected"), ("a brick", "wrong_unit", "not_required")):
        rma_id = await charged(rma, name)
        path = f"/v1/rmas/{rma_id}"
        await made(rma, f"{path}/settle", {"outcome": "waived", "reason": "goodwill"}, role="manager")
        assert (await made(rma, f"{path}/receive", {"serial": "OLD-1"}, role="depot"))["return_state"] == "received"
        found = await made(rma, f"{path}/inspect", {"result": result}, role="depot")
        assert (found["return_state"], found["charge"], found["state"]) == (left, "waived", "closed")
        await rma.advance(timedelta(days=60))
        assert (await seen(rma, rma_id))["return_state"] == left
    assert [event.outcome for event in await rma.events(InvoiceSettled)] == ["waived", "waived"]


COMMANDS: Mapping[str, tuple[str, dict[str, Any], str]] = {
    "receive": ("receive", {"serial": "OLD-1"}, "depot"),
    "accept": ("inspect", {"result": "no_fault_found"}, "depot"),
    "mismatch": ("inspect", {"result": "serial_mismatch"}, "depot"),
    "reject": ("inspect", {"result": "wrong_unit"}, "depot"),
    "dispute": ("dispute", {"reason": "not owed"}, "customer"),
    "credit": ("settle", {"outcome": "credited", "reason": "ours"}, "manager"),
    "waive": ("settle", {"outcome": "waived", "reason": "goodwill"}, "manager"),
    "uphold": ("settle", {"outcome": "upheld", "reason": "it is owed"}, "manager"),
    "wait": ("", {}, ""),
}


def expected(charge: str, did: str) -> str:
    """What a command that was taken makes of a charge, written down by hand."""
    if charge in ("credited", "waived"):
        return charge
    changed = {
        "accept": "credited",
        "credit": "credited",
        "waive": "waived",
        "dispute": "disputed",
        "uphold": "invoiced",
        "reject": "invoiced",
    }
    return changed.get(did, charge)


@in_any_order(
    examples=6, did=st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from(sorted(COMMANDS))), max_size=12)
)
async def test_what_the_erp_booked_agrees_with_the_invoices_after_any_order(
    rma: Harness, data: st.DataObject, did: list[tuple[int, str]]
) -> None:
    await rma.empty()
    await a_network(rma)
    ids = [await charged(rma, name) for name in ("first", "second")]
    state = ["invoiced", "invoiced"]
    erp = await exported(rma)
    for which, what in did:
        command, body, role = COMMANDS[what]
        if not command:
            await rma.advance(timedelta(days=25))
            taken = True
        else:
            answer = await rma.post(f"/v1/rmas/{ids[which]}/{command}", body, role=role, accounts=[ACCOUNT])
            assert answer.status_code in (200, 409), answer.text
            taken = answer.status_code == 200
        if taken:
            state[which] = expected(state[which], what)
        found = [await seen(rma, id) for id in ids]
        assert [each["charge"] for each in found] == state
        now = await exported(rma)
        erp |= now
        numbers = [each["invoice"]["number"] for each in found]
        assert now.keys() == {n for n, s in zip(numbers, state, strict=True) if s != "disputed"}
        assert sum(line["owed"]["amount_minor"] for line in now.values()) == PRICE * state.count("invoiced")
        assert {n: erp[n]["charge"] for n in now} == {n: s for n, s in zip(numbers, state, strict=True) if n in now}
        settled = [event.invoice_number for event in await rma.events(InvoiceSettled)]
        assert sorted(map(str, settled)) == sorted(
            n for n, s in zip(numbers, state, strict=True) if s in ("credited", "waived")
        )
    assert len(await rma.events(NonReturnInvoiced)) == 2

"""The way back: when it is due, reminded of, charged for and credited; what came, and what the depot made of it."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.rma import ReplacementInstalled, RmaClosed
from libs.events.rma_returns import (
    DefectiveInspected,
    DefectiveReceived,
    DefectiveReturnDue,
    InvoiceSettled,
    NonReturnInvoiced,
    ReturnOverdue,
    ReturnRejected,
)
from libs.kit.calendar import CalendarData, calendar
from services.rma.model.part import Part
from services.rma.tests.builders import Case, delivered, goods_in, made, refused, seen, shipped
from services.rma.tests.network import a_network, days
from tests.support.harness import Harness

THERE = calendar(CalendarData.model_validate(days("Asia/Ho_Chi_Minh")))


async def act(rma: Harness, rma_id: UUID, what: str, body: dict[str, Any], role: str = "depot") -> dict[str, Any]:
    return await made(rma, f"/v1/rmas/{rma_id}/{what}", body, role=role)


async def overdue(rma: Harness, case: Case, *, invoiced: bool = False) -> UUID:
    rma_id = await delivered(rma, case)
    due = date.fromisoformat((await seen(rma, rma_id))["return_due"])
    await rma.advance(THERE.at(due + timedelta(days=1), "00:00") - await rma.now() + timedelta(seconds=1))
    if invoiced:
        await rma.advance(timedelta(days=10))
    found = await seen(rma, rma_id)
    assert (found["return_state"], found["charge"]) == ("overdue", "invoiced" if invoiced else "none")
    return rma_id


@pytest.mark.promise("S3")
async def test_the_defective_part_is_due_ten_business_days_after_delivery_and_reminded_of(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    found = await seen(rma, rma_id)
    today = THERE.local_date(await rma.now())
    assert date.fromisoformat(found["return_due"]) == THERE.add_working_days(today, 10)
    await rma.advance(timedelta(days=20))
    told = await rma.events(DefectiveReturnDue)
    assert [event.reminder for event in told] == [0, 1, 2]
    assert {event.due for event in told} == {date.fromisoformat(found["return_due"])}
    assert {event.what for event in told} == {"defective"}


@pytest.mark.promise("S3")
async def test_what_never_comes_back_is_overdue_then_invoiced_at_list_price(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await overdue(rma, Case(), invoiced=True)
    [late], [charged] = await rma.events(ReturnOverdue), await rma.events(NonReturnInvoiced)
    assert late.invoice_on
    assert (charged.amount.amount_minor, charged.amount.currency) == (49900, "USD")
    listed = (await rma.get("/v1/rmas?charge=invoiced", role="manager")).json()["items"]
    assert [(each["id"], each["invoice"]["number"]) for each in listed] == [(str(rma_id), charged.invoice_number)]


@pytest.mark.promise("S3")
async def test_what_arrives_after_the_invoice_is_credited(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await overdue(rma, Case(), invoiced=True)
    assert (await act(rma, rma_id, "receive", {"serial": "OLD-1"}))["return_state"] == "received"
    found = await act(rma, rma_id, "inspect", {"result": "confirmed"})
    assert (found["return_state"], found["invoice"]["settled"], found["state"]) == ("inspected", "credited", "closed")
    [credit] = await rma.events(InvoiceSettled)
    assert (credit.outcome, credit.amount) == ("credited", (await rma.events(NonReturnInvoiced))[0].amount)


@pytest.mark.parametrize(("invoiced", "outcome"), [(False, "waived"), (True, "waived"), (True, "credited")])
async def test_a_manager_settles_the_charge(rma: Harness, invoiced: bool, outcome: str) -> None:
    await a_network(rma)
    rma_id = await overdue(rma, Case(), invoiced=invoiced)
    body = {"outcome": outcome, "reason": "the office burnt down"}
    assert (await rma.post(f"/v1/rmas/{rma_id}/settle", body, role="depot")).status_code == 403
    found = await act(rma, rma_id, "settle", body, role="manager")
    assert (found["return_state"], found["charge"], found["state"]) == (
        "waived",
        outcome if invoiced else "none",
        "closed",
    )
    [settled] = await rma.events(InvoiceSettled)
    assert (settled.outcome, settled.invoice_number is not None) == (outcome, invoiced)
    again = await rma.post(f"/v1/rmas/{rma_id}/settle", body, role="manager")
    assert (again.status_code, again.json()["possible"]) == (409, [])
    await rma.advance(timedelta(days=30))
    assert len(await rma.events(NonReturnInvoiced)) == invoiced


async def test_nothing_is_credited_that_was_not_charged(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await overdue(rma, Case())
    answer = await rma.post(
        f"/v1/rmas/{rma_id}/settle", {"outcome": "credited", "reason": "by mistake"}, role="manager"
    )
    assert (refused(answer), answer.json()["possible"]) == ((409, "nothing-to-settle"), ["waived"])


async def test_received_and_inspected_in_time_closes_the_rma_and_charges_nothing(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    await act(rma, rma_id, "receive", {"serial": "OLD-1"})
    found = await act(rma, rma_id, "inspect", {"result": "no_fault_found"})
    assert (found["state"], found["return_state"], found["inspection"]) == ("closed", "inspected", "no_fault_found")
    await rma.advance(timedelta(days=40))
    assert not await rma.events(ReturnOverdue)
    assert [event.result for event in await rma.events(DefectiveInspected)] == ["no_fault_found"]
    assert [event.outcome for event in await rma.events(RmaClosed)] == ["replaced"]
    [stock] = (await rma.get("/v1/stock", role="depot")).json()["items"]
    assert (stock["on_hand"], stock["quarantined"]) == (2, 1)


async def test_the_wrong_unit_is_refused_and_the_right_one_awaited_again(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    await act(rma, rma_id, "receive", {"serial": "TOASTER"})
    found = await act(rma, rma_id, "inspect", {"result": "wrong_unit", "note": "a toaster"})
    assert (found["return_state"], found["inspection"]) == ("awaiting_return", "wrong_unit")
    [rejected] = await rma.events(ReturnRejected)
    assert (rejected.reason, rejected.new_due.isoformat()) == ("a toaster", found["return_due"])


async def whole_units(rma: Harness) -> tuple[UUID, UUID]:
    """Two delivered whole units, whose old serials SN-A and SN-B are awaited."""
    await goods_in(rma, 2, "P-X70")
    unit = {"part_number": None, "whole_unit": True, "component": "unit"}
    first = await delivered(rma, Case("a", serial="SN-A"), serial="N-A", **unit)
    return first, await delivered(rma, Case("b", serial="SN-B"), serial="N-B", **unit)


async def test_another_serial_waits_for_the_depots_decision_and_may_belong_to_another_rma(rma: Harness) -> None:
    await a_network(rma)
    first, second = await whole_units(rma)
    await act(rma, first, "receive", {"serial": "SN-B"})
    hasty = await rma.post(f"/v1/rmas/{first}/inspect", {"result": "confirmed"}, role="depot")
    assert (hasty.status_code, hasty.json()["possible"]) == (409, ["serial_mismatch", "wrong_unit"])
    found = await act(rma, first, "inspect", {"result": "serial_mismatch"})
    assert found["return_state"] == "serial_mismatch"
    assert (await rma.events(DefectiveInspected))[0].matched_rma_id == second

    found = await act(rma, first, "inspect", {"result": "confirmed", "matched_rma_id": str(second)})
    assert found["return_state"] == "awaiting_return"
    owner = await seen(rma, second)
    assert (owner["return_state"], owner["received_serial"], owner["state"]) == ("inspected", "SN-B", "closed")
    assert [event.rma_id for event in await rma.events(DefectiveReceived)] == [first, second]


async def test_a_unit_is_not_booked_to_an_rma_that_does_not_await_it(rma: Harness) -> None:
    await a_network(rma)
    first, second = await whole_units(rma)
    await act(rma, first, "receive", {"serial": "SN-Z"})
    await act(rma, first, "inspect", {"result": "serial_mismatch"})
    body = {"result": "confirmed", "matched_rma_id": str(second)}
    assert refused(await rma.post(f"/v1/rmas/{first}/inspect", body, role="depot")) == (409, "no-match")
    assert (await act(rma, first, "inspect", {"result": "damaged"}))["return_state"] == "inspected"


async def test_a_cancelled_case_wants_the_unused_replacement_back_and_shelves_it_again(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await shipped(rma, case)
    await rma.deliver(case.cancelled())
    found = await act(rma, rma_id, "deliver", {})
    assert (found["returns"], found["return_serial"], found["return_state"]) == (
        "unused_replacement",
        "NEW-1",
        "awaiting_return",
    )
    [told] = await rma.events(DefectiveReturnDue)
    assert (told.what, told.serial) == ("unused_replacement", "NEW-1")
    await act(rma, rma_id, "receive", {"serial": "NEW-1"})
    assert (await act(rma, rma_id, "inspect", {"result": "no_fault_found"}))["state"] == "closed"
    [stock] = (await rma.get("/v1/stock", role="depot")).json()["items"]
    assert (stock["on_hand"], stock["reserved"]) == (3, 0)


@pytest.mark.promise("S27")
async def test_where_a_technician_installs_the_window_opens_with_the_end_of_the_visit(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await delivered(rma, case, remedy="onsite_replacement")
    assert (await seen(rma, rma_id))["return_due"] is None
    end = await rma.now() + timedelta(days=3)
    visit = case.visit_completed(end)
    await rma.deliver(visit)
    found = await seen(rma, rma_id)
    assert date.fromisoformat(found["return_due"]) == THERE.add_working_days(THERE.local_date(end), 10)
    assert (found["installation"]["by"], found["installation"]["new_serial"]) == ("technician", "NEW-1")
    [told] = await rma.events(ReplacementInstalled)
    assert told.by == f"technician:{visit.technician_id}"


async def test_a_failed_visit_opens_the_window_only_when_no_other_follows(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await delivered(rma, case, remedy="onsite_replacement")
    now = await rma.now()
    await rma.deliver(case.visit_failed(now, "no_access"))
    assert (await seen(rma, rma_id))["return_due"] is None
    await rma.deliver(case.visit_failed(now + timedelta(hours=1), "customer_declined", plans_again=False))
    assert (await seen(rma, rma_id))["return_due"] is not None


@pytest.mark.parametrize("how", ["not_onsite", "visit_cancelled"])
async def test_without_a_visit_the_window_counts_from_the_delivery(rma: Harness, how: str) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await delivered(rma, case, remedy="onsite_replacement")
    await rma.deliver(case.not_onsite() if how == "not_onsite" else case.visit_cancelled(case.at))
    found = await seen(rma, rma_id)
    assert not found["onsite"]
    assert found["return_due"] is not None


async def test_a_part_the_technician_finds_dead_is_replaced_under_a_linked_rma(rma: Harness) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await delivered(rma, case, remedy="onsite_replacement")
    at = await rma.now()
    await rma.deliver(case.visit_failed(at, "part_dead_on_arrival", rma_ids=[str(rma_id)]))
    found = await seen(rma, rma_id)
    second = UUID(found["replaced_by_rma_id"])
    assert (found["state"], (await seen(rma, second))["state"]) == ("dead_on_arrival", "reserved")

    await made(rma, f"/v1/rmas/{second}/ship", {"serial": "NEW-2", "carrier": "van", "tracking": "2"}, role="depot")
    await rma.deliver(case.visit_completed(await rma.now() + timedelta(hours=1), serials_in=["NEW-2"]))
    new = await seen(rma, second)
    assert (new["state"], new["installation"]["new_serial"]) == ("delivered", "NEW-2")
    assert (await seen(rma, rma_id))["installation"] is None


async def test_a_part_that_needs_no_return_closes_once_it_is_confirmed(rma: Harness) -> None:
    await a_network(rma)
    async with rma.transaction() as tx:
        [part] = await tx.select(Part, Part.c.part_number == "P-CAM-70", lock=True)
        part.returnable = False
    rma_id = await delivered(rma, Case())
    assert (await seen(rma, rma_id))["return_state"] == "not_required"
    assert (await act(rma, rma_id, "confirm-installed", {}, role="engineer"))["state"] == "closed"

"""The way back: what is awaited, until when, what came, and what is charged when nothing does."""

from datetime import date, datetime
from typing import NamedTuple

from libs.kit.calendar import Calendar
from libs.kit.problems import Conflict
from libs.kit.states import StateMachine
from libs.store import Transaction
from services.rma.model.rma import InspectionResult, Invoice, ReturnState, Rma

return_machine: StateMachine[ReturnState] = StateMachine(
    "The return",
    {
        "not_required": {"awaiting_return"},
        "awaiting_return": {"in_transit", "overdue", "not_required"},
        "overdue": {"invoiced", "in_transit", "waived"},
        "invoiced": {"in_transit", "credited", "waived"},
        "in_transit": {"received", "lost"},
        "received": {"inspected", "serial_mismatch", "wrong_unit"},
        "serial_mismatch": {"inspected", "wrong_unit", "awaiting_return"},
        "wrong_unit": {"awaiting_return"},
        "lost": {"credited", "waived"},  # after it was charged for
    },
    initial="not_required",
)
OVER: frozenset[ReturnState] = frozenset({"not_required", "inspected", "credited", "waived", "lost"})
ON_ITS_WAY_OUT: frozenset[ReturnState] = frozenset({"awaiting_return", "overdue", "invoiced"})
ACCEPTED: frozenset[InspectionResult] = frozenset({"confirmed", "no_fault_found", "damaged"})


class NothingToSettle(Conflict):
    title = "There is no charge to settle"


class Due(NamedTuple):
    day: date
    at: datetime  # the first instant after that day, at the destination


def business_days_after(start: datetime, days: int, destination: Calendar) -> Due:
    """The return window: it ends with the day."""
    day = destination.add_working_days(destination.local_date(start), days)
    return Due(day, destination.at(date.fromordinal(day.toordinal() + 1), "00:00"))


def go(rma: Rma, state: ReturnState, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
    """Raises ForbiddenTransition."""
    return_machine.check(rma.return_state, state)
    rma.record_return(state, tx, reason, at)


def expect(rma: Rma, tx: Transaction, reason: str) -> None:
    """Something is to come back."""
    if rma.return_state == "not_required":
        go(rma, "awaiting_return", tx, reason)


def expect_the_replacement_back(rma: Rma, tx: Transaction, reason: str) -> bool:
    """The replacement is not needed: it, and not the defective part, is to come back. False when that cannot change any more."""
    if rma.returns == "unused_replacement" or rma.return_state not in ("not_required", "awaiting_return"):
        return False
    rma.returns, rma.return_required = "unused_replacement", True
    rma.return_serial, rma.return_due, rma.return_due_at = rma.shipped_serial, None, None
    expect(rma, tx, reason)
    return True


def expect_nothing(rma: Rma, tx: Transaction, reason: str) -> None:
    """What was awaited is another RMA's matter now."""
    if rma.return_state == "awaiting_return":
        rma.return_required, rma.return_due, rma.return_due_at = False, None, None
        go(rma, "not_required", tx, reason)


def hand_over(rma: Rma, tx: Transaction, reason: str, *, at: datetime | None = None) -> bool:
    """The carrier has it; False when that changes nothing."""
    if rma.return_state not in ON_ITS_WAY_OUT:
        return False
    go(rma, "in_transit", tx, reason, at=at)
    return True


def receive(rma: Rma, serial: str | None, tx: Transaction) -> None:
    """It is in the depot, also when no carrier told that it was coming."""
    hand_over(rma, tx, "handed in")
    go(rma, "received", tx, f"serial {serial}" if serial else "received")
    rma.received_serial, rma.received_at, rma.inspection = serial, tx.now, None


def inspect(rma: Rma, result: InspectionResult, tx: Transaction, note: str | None) -> None:
    """What it turned out to be. Raises ForbiddenTransition."""
    state: ReturnState = (
        "inspected" if result in ACCEPTED else "wrong_unit" if result == "wrong_unit" else "serial_mismatch"
    )
    go(rma, state, tx, note or result)
    rma.inspection = result


def await_again(rma: Rma, due: Due, tx: Transaction, reason: str) -> None:
    """What came was not it."""
    go(rma, "awaiting_return", tx, reason)
    rma.return_due, rma.return_due_at = due.day, due.at
    rma.received_serial, rma.received_at = None, None


def settle(rma: Rma, outcome: str, tx: Transaction, reason: str) -> Invoice | None:
    """Takes a charge off, or waives it before it is written. Raises ForbiddenTransition or NothingToSettle."""
    if rma.return_state == "lost" and (rma.invoice is None or rma.invoice.settled):
        raise NothingToSettle("Nothing is charged for what the carrier lost.", state=rma.return_state, possible=[])
    if outcome == "credited" and rma.invoice is None:
        raise NothingToSettle("Nothing was invoiced; waive it instead.", state=rma.return_state, possible=["waived"])
    go(rma, "credited" if outcome == "credited" else "waived", tx, reason)
    if rma.invoice:
        rma.invoice = rma.invoice.model_copy(update={"settled": outcome})
    return rma.invoice

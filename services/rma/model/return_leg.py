"""The way back: what is awaited, until when, what came, and what is charged when nothing does."""

from datetime import datetime

from libs.kit.calendar import DayEnd
from libs.kit.states import StateMachine
from libs.store import Transaction
from services.rma.model.rma import Rma
from services.rma.model.rma_values import InspectionResult, ReturnState

return_machine: StateMachine[ReturnState] = StateMachine(
    "The return",
    {
        "not_required": {"awaiting_return"},
        "awaiting_return": {"in_transit", "received", "overdue", "not_required"},
        "overdue": {"in_transit", "received", "waived"},
        "in_transit": {"received", "lost"},
        "received": {"inspected", "serial_mismatch", "wrong_unit"},
        "serial_mismatch": {"inspected", "wrong_unit", "awaiting_return"},
        "wrong_unit": {"awaiting_return"},
        # It turns up in the depot all the same, and that is recorded.
        "lost": {"received"},
        "waived": {"received"},
    },
    initial="not_required",
)
OVER: frozenset[ReturnState] = frozenset({"not_required", "inspected", "waived", "lost"})
AWAITED: frozenset[ReturnState] = frozenset({"awaiting_return", "overdue"})
"""Somebody is to send it, and nobody has yet."""
ACCEPTED: frozenset[InspectionResult] = frozenset({"confirmed", "no_fault_found", "damaged"})


def become(rma: Rma, state: ReturnState, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
    """Goes on along the way back. Raises ForbiddenTransition."""
    return_machine.check(rma.return_state, state)
    rma.return_state = state
    rma.record("return", state, tx, reason, at)


def expect(rma: Rma, tx: Transaction, reason: str) -> None:
    """Something is to come back."""
    if rma.return_state == "not_required":
        become(rma, "awaiting_return", tx, reason)


def may_want_the_replacement(rma: Rma) -> bool:
    """Whether the replacement can still be asked for instead of the defective part."""
    return rma.returns != "unused_replacement" and rma.return_state in ("not_required", "awaiting_return")


def expect_the_replacement(rma: Rma, tx: Transaction, reason: str) -> bool:
    """The replacement, and not the defective part, is to come back. False when that cannot change any more."""
    if not may_want_the_replacement(rma):
        return False
    rma.returns, rma.return_required = "unused_replacement", True
    rma.return_serial, rma.window = rma.shipped_serial, None
    expect(rma, tx, reason)
    return True


def expect_nothing(rma: Rma, tx: Transaction, reason: str) -> None:
    """What was awaited is another RMA's matter now."""
    if rma.return_state == "awaiting_return":
        rma.return_required, rma.window = False, None
        become(rma, "not_required", tx, reason)


def hand_over(rma: Rma, tx: Transaction, reason: str, *, at: datetime | None = None) -> bool:
    """The carrier has it. False when that changes nothing."""
    if rma.return_state not in AWAITED:
        return False
    become(rma, "in_transit", tx, reason, at=at)
    return True


def receive(rma: Rma, serial: str | None, part_number: str | None, tx: Transaction) -> None:
    """It is in the depot, also when no carrier told that it was coming. Raises ForbiddenTransition."""
    become(rma, "received", tx, f"serial {serial}" if serial else "received")
    # a whole unit has its product number on it
    part_number = rma.sent_part if part_number == rma.product_number and rma.whole_unit else part_number
    rma.received_serial, rma.received_part = serial, part_number
    rma.received_at, rma.inspection = tx.now, None


def begin_anew(rma: Rma, tx: Transaction, reason: str, *, returnable: bool) -> None:
    """Another parcel will be sent: a way back of its own begins where each does, whatever became of the one before."""
    rma.returns, rma.return_required = "defective", returnable
    rma.return_serial, rma.window = rma.serial if rma.whole_unit else None, None
    rma.received_serial = rma.received_part = rma.received_at = rma.inspection = None
    rma.return_state = return_machine.initial
    rma.record("return", return_machine.initial, tx, reason)


def awaited_parts(rma: Rma) -> set[str]:
    """What may come back: what was sent, or of a defective part also what was asked for."""
    defective = rma.returns == "defective" and rma.state != "dead_on_arrival"
    return {rma.sent_part, *((each for each in (rma.substitute_for, rma.wanted_part) if each) if defective else ())}


def is_another(rma: Rma) -> bool:
    """Whether what was received is not what is awaited, by its part number or its serial. The replacement is not the defective part."""
    came = rma.received_serial
    if rma.received_part and rma.received_part not in awaited_parts(rma):
        return True
    if came and rma.return_serial is None:
        return came == rma.shipped_serial and rma.returns == "defective" and rma.state != "dead_on_arrival"
    return bool(came) and came != rma.return_serial


def inspect(rma: Rma, result: InspectionResult, tx: Transaction, note: str | None) -> None:
    """What it turned out to be. Raises ForbiddenTransition."""
    state: ReturnState = (
        "inspected" if result in ACCEPTED else "wrong_unit" if result == "wrong_unit" else "serial_mismatch"
    )
    become(rma, state, tx, note or result)
    rma.inspection = result


def await_again(rma: Rma, due: DayEnd, tx: Transaction, reason: str) -> None:
    """What came was not what is awaited. Raises ForbiddenTransition."""
    become(rma, "awaiting_return", tx, reason)
    rma.window = due
    rma.received_serial = rma.received_part = rma.received_at = None


def give_up(rma: Rma, tx: Transaction, reason: str) -> bool:
    """Its charge was settled: nobody waits for what is overdue any longer. False where nothing was."""
    if rma.return_state != "overdue":
        return False
    become(rma, "waived", tx, reason)
    return True


def was_given_up(rma: Rma) -> bool:
    """Whether it came although nobody waited for it any more."""
    return any(change.leg == "return" and change.state in ("waived", "lost") for change in rma.history)


def refuse(rma: Rma, tx: Transaction, reason: str) -> None:
    """What came is not it, and nothing else is awaited. Raises ForbiddenTransition."""
    become(rma, "awaiting_return", tx, reason)
    expect_nothing(rma, tx, "nothing is awaited: it had been given up")


def outcome(rma: Rma, *, by_time: bool = False) -> str | None:
    """What it came to, once both legs are over: nothing is on its way, and a delivered part was returned for or confirmed.

    `by_time`: nobody confirmed a part that needs no return, and it is taken for installed. None while something is open.
    A lost part that turned up ends as `found`.
    """
    if rma.closed_at or rma.return_state not in OVER:
        return None
    if rma.state == "delivered":
        if rma.return_state == "not_required" and not rma.installation and not by_time:
            return None
        return "unused" if rma.returns == "unused_replacement" else "replaced"
    if rma.state == "lost" and rma.delivered_at:
        return "found"
    return rma.state if rma.state in ("lost", "refused", "dead_on_arrival") else None

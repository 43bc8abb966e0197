"""Say until when something is to come back, remind, and charge for what never does."""

from datetime import datetime

from libs.events.rma_returns import DefectiveReturnDue, NonReturnInvoiced, ReturnOverdue
from libs.kit.calendar import DayEnd
from libs.store import Transaction
from services.rma.model import charge, return_leg
from services.rma.model.network import Network
from services.rma.model.part import part_numbered
from services.rma.model.policy import policy_for
from services.rma.model.rma import RETURN_INVOICE, RETURN_OVERDUE, RETURN_REMINDER, Rma
from services.rma.model.rma_values import Invoice
from services.rma.model.steps import HandOverReturn, LoseReturn, OpenReturnWindow
from services.rma.reactions.close_rma import close_if_over

_REMINDER_HOUR = "09:00"


async def window_from(start: datetime, rma: Rma, tx: Transaction) -> DayEnd:
    """The return window that counts from `start`, in business days of the destination."""
    network, policy = await Network.load_for(rma, tx), await policy_for(rma, tx)
    return network.destination(rma.destination).end_of_working_day(start, policy.return_business_days)


async def open_return_window(rma: Rma, step: OpenReturnWindow, tx: Transaction) -> None:
    """It is to come back within the window that counts from the step's start. Of a dead part, the part itself."""
    if rma.state == "dead_on_arrival":
        rma.return_serial = rma.shipped_serial
    await ask_back(rma, await window_from(step.start, rma, tx), tx)


async def ask_back(rma: Rma, due: DayEnd, tx: Transaction) -> None:
    """It is to come back until `due`: the first word, the reminders, and the end of the window."""
    rma.window = due
    there = (await Network.load_for(rma, tx)).destination(rma.destination)
    for number, days in enumerate((await policy_for(rma, tx)).reminder_business_days_before, start=1):
        at = there.at(there.add_working_days(due.day, -days), _REMINDER_HOUR)
        if at > tx.now:
            tx.set_timer(rma, f"{RETURN_REMINDER}:{number}", at)
    tx.set_timer(rma, RETURN_OVERDUE, due.at)
    _announce(rma, due, tx)


def _announce(rma: Rma, due: DayEnd, tx: Transaction, reminder: int = 0) -> None:
    tx.emit(
        DefectiveReturnDue(
            **rma.ids,
            what=rma.returns,
            part_number=rma.sent_part,
            serial=rma.return_serial,
            due=due.day,
            due_at=due.at,
            reminder=reminder,
            announced_at=tx.now,
        )
    )


async def remind(rma: Rma, tx: Transaction, number: str) -> None:
    """The timer of the nth reminder. One that is left when nothing is awaited any more finds nothing to remind of."""
    if rma.return_state == "awaiting_return" and rma.window:
        _announce(rma, rma.window, tx, int(number))


async def mark_overdue(rma: Rma, tx: Transaction, _detail: str) -> None:
    """The window has passed; the charge follows after the policy's grace."""
    if rma.return_state != "awaiting_return" or rma.window is None:
        return
    due, policy = rma.window.day, await policy_for(rma, tx)
    there = (await Network.load_for(rma, tx)).destination(rma.destination)
    invoice = there.end_of_working_day(there.at(due, "12:00"), policy.invoice_business_days_after)
    return_leg.become(rma, "overdue", tx, f"due on {due}")
    tx.set_timer(rma, RETURN_INVOICE, invoice.at)
    tx.emit(
        ReturnOverdue(
            **rma.ids,
            part_number=rma.sent_part,
            due=due,
            invoice_on=there.local_date(invoice.at),
            overdue_at=tx.now,
        )
    )


async def invoice(rma: Rma, tx: Transaction, _detail: str) -> None:
    """Charged at list price, once for each RMA; a part without a price stays overdue for a manager to decide."""
    if rma.return_state != "overdue" or rma.window is None:
        return
    if rma.charge != "none":
        # What came in between was not what is awaited: an open charge stands, and one that was settled is not written again.
        if rma.charge not in charge.OPEN:
            return_leg.give_up(rma, tx, f"its charge was {rma.charge}")
            await close_if_over(rma, tx)
        return
    part = await part_numbered(rma.sent_part, tx)
    if part is None or part.list_price is None:
        return
    number = await tx.next_number("INV")
    written = charge.write(rma, Invoice(number=number, amount=part.list_price, invoiced_at=tx.now), tx)
    tx.emit(
        NonReturnInvoiced(
            **rma.ids,
            invoice_number=written.number,
            part_number=rma.sent_part,
            amount=written.amount,
            due=rma.window.day,
            by=tx.scope.actor,
            invoiced_at=tx.now,
        )
    )


def stop_waiting(rma: Rma, tx: Transaction) -> None:
    """It is on its way, or not awaited any more."""
    for timer in (RETURN_OVERDUE, RETURN_INVOICE):
        tx.cancel_timer(rma, timer)


async def hand_over_return(rma: Rma, step: HandOverReturn, tx: Transaction) -> None:
    """The carrier has it."""
    if return_leg.hand_over(rma, tx, "the carrier has it", at=step.at):
        stop_waiting(rma, tx)


async def lose_return(rma: Rma, step: LoseReturn, tx: Transaction) -> None:
    """The carrier lost it: nothing more is awaited. Raises ForbiddenTransition."""
    return_leg.become(rma, "lost", tx, "lost by the carrier", at=step.at)

"""Say until when something is to come back, remind, and charge for what never does."""

from datetime import datetime

from libs.events.rma_returns import DefectiveReturnDue, NonReturnInvoiced, ReturnOverdue
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.case_file import CaseFile
from services.rma.model.network import Network
from services.rma.model.part import part_numbered
from services.rma.model.policy import RmaPolicy, policies
from services.rma.model.return_leg import Due, business_days_after
from services.rma.model.rma import Invoice, Rma
from services.rma.reactions.order_labels import label_for

_REMINDER_HOUR = "09:00"


async def return_policy(rma: Rma, tx: Transaction) -> RmaPolicy:
    return await policies.at(tx, plan=rma.plan, region=rma.destination.country, severity=rma.severity)


async def open_return_window(rma: Rma, case: CaseFile | None, tx: Transaction) -> None:
    """Once it is known from when to count: the delivery, or the end of the visit where a technician installs."""
    if rma.return_state == "awaiting_return" and rma.return_due is None and (start := _counts_from(rma, case)):
        due = await window_from(start, rma, tx)
        rma.return_due, rma.return_due_at = due.day, due.at
        await announce(rma, tx)


def _counts_from(rma: Rma, case: CaseFile | None) -> datetime | None:
    if rma.delivered_at is None:
        return None
    if rma.returns == "unused_replacement":
        return max(rma.delivered_at, case.cancelled.cancelled_at) if case and case.cancelled else rma.delivered_at
    diagnosis = case.diagnoses.get(rma.diagnosis_id) if case else None
    if diagnosis is None or not diagnosis.visits:
        return None if rma.onsite else rma.delivered_at
    over = diagnosis.visits_over_at
    return max(rma.delivered_at, over) if over else None


async def window_from(start: datetime, rma: Rma, tx: Transaction) -> Due:
    """The return window, in business days of the destination."""
    network, policy = await Network.load(tx, plan=rma.plan), await return_policy(rma, tx)
    return business_days_after(start, policy.return_business_days, network.destination(rma.destination))


async def announce(rma: Rma, tx: Transaction, reminder: int = 0) -> None:
    """The first word, with the reminders and the end of the window set; or one of the reminders."""
    assert rma.return_due
    assert rma.return_due_at
    if reminder == 0:
        there = (await Network.load(tx, plan=rma.plan)).destination(rma.destination)
        for number, days in enumerate((await return_policy(rma, tx)).reminder_business_days_before, start=1):
            at = there.at(there.add_working_days(rma.return_due, -days), _REMINDER_HOUR)
            if at > tx.now:
                tx.set_timer(rma, f"return_reminder:{number}", at)
        tx.set_timer(rma, "return_overdue", rma.return_due_at)
    label = await label_for(rma, "return", tx)
    tx.emit(
        DefectiveReturnDue(
            **rma.ids,
            what=rma.returns,
            part_number=rma.sent_part,
            serial=rma.return_serial,
            due=rma.return_due,
            due_at=rma.return_due_at,
            return_label_url=label.label_url if label else None,
            reminder=reminder,
            announced_at=tx.now,
        )
    )


async def remind(rma: Rma, tx: Transaction, detail: str) -> None:
    if rma.return_state == "awaiting_return" and rma.return_due:
        await announce(rma, tx, int(detail))


async def mark_overdue(rma: Rma, tx: Transaction, _detail: str) -> None:
    """The window has passed; the charge follows after the policy's grace."""
    if rma.return_state != "awaiting_return" or rma.return_due is None or rma.return_due_at is None:
        return
    network, policy = await Network.load(tx, plan=rma.plan), await return_policy(rma, tx)
    there = network.destination(rma.destination)
    invoice = business_days_after(there.at(rma.return_due, "12:00"), policy.invoice_business_days_after, there)
    return_leg.go(rma, "overdue", tx, f"due on {rma.return_due}")
    tx.set_timer(rma, "return_invoice", invoice.at)
    tx.emit(
        ReturnOverdue(
            **rma.ids,
            part_number=rma.sent_part,
            due=rma.return_due,
            invoice_on=there.local_date(invoice.at),
            overdue_at=tx.now,
        )
    )


async def invoice(rma: Rma, tx: Transaction, _detail: str) -> None:
    """Charged at list price, once for each RMA; a part without a price stays overdue for a manager to decide."""
    if rma.return_state != "overdue" or rma.return_due is None:
        return
    if rma.invoice:  # the wrong unit had come back: the charge still stands
        return_leg.go(rma, "invoiced", tx, f"{rma.invoice.number} stands")
        return
    part = await part_numbered(rma.sent_part, tx)
    if part is None or part.list_price is None:
        return
    rma.invoice = Invoice(number=await tx.next_number("INV"), amount=part.list_price, invoiced_at=tx.now)
    return_leg.go(rma, "invoiced", tx, rma.invoice.number)
    tx.emit(
        NonReturnInvoiced(
            **rma.ids,
            invoice_number=rma.invoice.number,
            part_number=rma.sent_part,
            amount=rma.invoice.amount,
            due=rma.return_due,
            by=tx.scope.actor,
            invoiced_at=tx.now,
        )
    )


def stop_waiting(rma: Rma, tx: Transaction) -> None:
    """It is on its way, or not awaited any more; a reminder that is left finds nothing to remind of."""
    for timer in ("return_overdue", "return_invoice"):
        tx.cancel_timer(rma, timer)

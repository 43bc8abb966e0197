"""What was said at the end of a visit goes from the visit too, when the note of the case that told it again was taken out."""

from libs.bus.redaction import take_out_of_copies
from libs.events.cases_work import InternalTextRedacted, TextRedacted
from libs.events.redaction import Redaction
from libs.kit.forgetting import forget_answers_that_say
from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.work_order import Change, WorkOrder

_OURS = ("note", "reason")
"""Where an event of ours says what somebody typed at the end of a visit; an explanation stands in the event alone."""


async def take_out_text(event: TextRedacted | InternalTextRedacted, tx: Transaction) -> None:
    """Our own event says which words those are."""
    redaction = Redaction.of(event)
    told = await take_out_of_copies(event.case_id, redaction, tx)
    words = {data[name] for data in told for name in _OURS if data.get(name)}
    if not words:
        return

    def left(history: list[Change]) -> list[Change]:
        return [c.model_copy(update={"reason": redaction.instead}) if c.reason in words else c for c in history]

    for order in await tx.select(
        WorkOrder, WorkOrder.c.case_id == event.case_id, order_by=(WorkOrder.c.id,), lock=True
    ):
        order.history = left(order.history)
    its = Appointment.c.case_id == event.case_id
    for visit in await tx.select(Appointment, its, order_by=(Appointment.c.id,), lock=True):
        visit.history = left(visit.history)
        visit.sign_offs = {
            side: word.model_copy(update={"note": redaction.instead}) if word.note in words else word
            for side, word in visit.sign_offs.items()
        }
    await forget_answers_that_say(words, [event.case_id], tx)

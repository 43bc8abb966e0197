"""What happens to the replacement, as the case sees it: a wait from shipment to delivery, and the customer's word that it works."""

from datetime import datetime

from libs.events.rma import PartDelivered, PartLost, PartRefused, PartShipped, ReplacementInstalled, RmaDenied
from libs.store import Transaction
from libs.store.ids import derived
from services.cases.model.case_values import Confirmation
from services.cases.model.wording import say
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.heard import heard
from services.cases.reactions.publish_note import note_fact

PartOver = PartDelivered | PartLost | PartRefused | ReplacementInstalled


async def wait_for_part(event: PartShipped, tx: Transaction) -> None:
    """The case waits until the part is delivered, lost or refused."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    case.begin_wait(
        derived(cause.event_id, "wait"),
        "part",
        since=event.shipped_at,
        by=cause.actor,
        cause_id=event.rma_id,
        note=f"{event.carrier} {event.tracking}",
    )
    await act_on(case, tx, at=event.shipped_at, by=cause.actor, reason="part shipped")


async def end_wait_for_part(event: PartOver, tx: Transaction) -> None:
    """Installed by the customer's own hand, it works: that resolves the case when nothing else is waited for."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    at, reason = _over(event)
    match event:
        case PartLost():
            note_fact(case, tx, say("part_lost", case.language, text=event.reason), at=at)
        case PartRefused():
            note_fact(case, tx, say("part_refused", case.language, text=event.reason), at=at)
        case ReplacementInstalled(installed_by="customer"):
            case.confirm(Confirmation(cause_id=event.rma_id, kind="part", at=at))
    case.end_waits(case.waits_for(event.rma_id), at=at, by=cause.actor, reason=reason)
    await act_on(case, tx, at=at, by=cause.actor, reason=reason)


def _over(event: PartOver) -> tuple[datetime, str]:
    match event:
        case PartDelivered():
            return event.delivered_at, "part delivered"
        case PartLost():
            return event.lost_at, "part lost"
        case PartRefused():
            return event.refused_at, "part refused"
        case ReplacementInstalled():
            return event.installed_at, "replacement installed"


async def note_denied_replacement(event: RmaDenied, tx: Transaction) -> None:
    """The engineer sees it in the case and finds another way."""
    if found := await heard(event, tx):
        case, _ = found
        text = " ".join(filter(None, [event.explanation, event.paid_path]))
        note_fact(case, tx, say("rma_denied", case.language, text=text), at=event.denied_at)

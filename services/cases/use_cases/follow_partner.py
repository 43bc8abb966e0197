"""What the cloud partner does, as the case sees it: a wait while their ticket is open, and their words relayed (S8)."""

from datetime import datetime

from libs.events.ecps import (
    PartnerInformationRequired,
    PartnerTicketClosed,
    PartnerTicketNotOpenable,
    PartnerTicketOpened,
    PartnerTicketResolved,
    PartnerTicketUpdated,
    PartnerTicketWithdrawn,
)
from libs.store import Transaction
from libs.store.ids import derived
from services.cases.model.case import Case
from services.cases.model.wording import say
from services.cases.use_cases.add_note import note_fact
from services.cases.use_cases.settle_case import cause_of, settle

TicketOver = PartnerTicketResolved | PartnerTicketClosed | PartnerTicketWithdrawn


async def wait_for_partner(event: PartnerTicketOpened, tx: Transaction) -> None:
    case = await Case.find(event.case_id, tx, lock=True)
    if case is None:
        return
    cause = cause_of(tx)
    text = say("ticket_opened", case.language, partner=event.partner_name, ticket=event.ticket_number)
    note_fact(case, tx, text, at=event.opened_at)
    case.begin_wait(
        derived(cause.event_id, "wait"), "partner", since=event.opened_at, by=cause.actor,
        cause_id=event.engagement_id, note=event.ticket_number,
    )  # fmt: skip
    await settle(case, tx, at=event.opened_at, by=cause.actor, reason="partner ticket opened")


async def note_no_ticket(event: PartnerTicketNotOpenable, tx: Transaction) -> None:
    if case := await Case.find(event.case_id, tx, lock=True):
        text = say("ticket_not_openable", case.language, partner=event.partner_name, text=event.explanation)
        note_fact(case, tx, text, at=event.decided_at)


async def relay_update(event: PartnerTicketUpdated, tx: Transaction) -> None:
    """Their words as they came. Once they work on it again, it is they who are waited for, and nothing of the customer's."""
    case = await Case.find(event.case_id, tx, lock=True)
    if case is None:
        return
    cause = cause_of(tx)
    if event.text:
        author = event.author or event.partner_name
        note_fact(case, tx, event.text, at=event.occurred_at, origin="partner", author=author)
    if event.state == "in_progress":
        asked = (w for w in case.waits if w.kind == "customer" and w.cause_id == event.engagement_id)
        case.end_waits(asked, at=event.occurred_at, by=cause.actor, reason="the partner goes on")
        case.begin_wait(
            derived(cause.event_id, "wait"), "partner", since=event.occurred_at, by=cause.actor,
            cause_id=event.engagement_id, note=event.ticket_number,
        )  # fmt: skip
        await settle(case, tx, at=event.occurred_at, by=cause.actor, reason="the partner goes on")


async def ask_for_the_partner(event: PartnerInformationRequired, tx: Transaction) -> None:
    """What the partner needs to know is needed of the customer; their note, or the partner's going on, ends this."""
    case = await Case.find(event.case_id, tx, lock=True)
    if case is None:
        return
    cause = cause_of(tx)
    text = say("information_required", case.language, partner=event.partner_name, text=event.needed)
    note_fact(case, tx, text, at=event.required_at)
    case.begin_wait(
        derived(cause.event_id, "wait"), "customer", since=event.required_at, by=cause.actor,
        cause_id=event.engagement_id, note=event.needed,
    )  # fmt: skip
    await settle(case, tx, at=event.required_at, by=cause.actor, reason=text)


async def end_wait_for_partner(event: TicketOver, tx: Transaction) -> None:
    case = await Case.find(event.case_id, tx, lock=True)
    if case is None:
        return
    cause = cause_of(tx)
    at, text, reason = _over(event, case)
    note_fact(case, tx, text, at=at)
    case.end_waits((w for w in case.waits if w.cause_id == event.engagement_id), at=at, by=cause.actor, reason=reason)
    await settle(case, tx, at=at, by=cause.actor, reason=reason)


def _over(event: TicketOver, case: Case) -> tuple[datetime, str, str]:
    match event:
        case PartnerTicketResolved():
            text = say("ticket_resolved", case.language, partner=event.partner_name, text=event.resolution)
            return event.resolved_at, text, "partner ticket resolved"
        case PartnerTicketClosed():
            text = say("ticket_closed", case.language, ticket=event.ticket_number)
            return event.closed_at, text, "partner ticket closed"
        case PartnerTicketWithdrawn():
            return (
                event.withdrawn_at,
                say("ticket_withdrawn", case.language, text=event.reason),
                "partner ticket withdrawn",
            )

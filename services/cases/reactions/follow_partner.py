"""What the cloud partner does, as the case sees it: a wait while their ticket is open, and their words relayed (S8)."""

from datetime import datetime

from libs.events.ecps import (
    PartnerInformationRequired,
    PartnerTicketClosed,
    PartnerTicketMissing,
    PartnerTicketNotOpenable,
    PartnerTicketOpened,
    PartnerTicketReopened,
    PartnerTicketResolved,
    PartnerTicketUpdated,
    PartnerTicketWithdrawn,
)
from libs.store import Cause, Transaction
from libs.store.ids import derived
from services.cases.model.case import Case
from services.cases.model.wording import say
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.heard import heard
from services.cases.reactions.publish_note import note_fact

TicketOver = PartnerTicketResolved | PartnerTicketClosed | PartnerTicketWithdrawn | PartnerTicketMissing


async def wait_for_partner(event: PartnerTicketOpened, tx: Transaction) -> None:
    """The case waits until the partner has done."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    text = say("ticket_opened", case.language, partner=event.partner_name, ticket=event.ticket_number)
    note_fact(case, tx, text, at=event.opened_at)
    _wait(case, cause, event, event.opened_at)
    await act_on(case, tx, at=event.opened_at, by=cause.actor, reason="partner ticket opened")


async def note_no_ticket(event: PartnerTicketNotOpenable, tx: Transaction) -> None:
    """The engineer sees it in the case and finds another way."""
    if found := await heard(event, tx):
        case, _ = found
        text = say("ticket_not_openable", case.language, partner=event.partner_name, text=event.explanation)
        note_fact(case, tx, text, at=event.decided_at)


async def relay_update(event: PartnerTicketUpdated, tx: Transaction) -> None:
    """Their words as they came. Once they work on it again, we wait for them, and for nothing of the customer's."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    at, reason = event.occurred_at, "the partner goes on"
    if event.text:
        note_fact(case, tx, event.text, at=at, origin="partner", author=event.partner_name)
    if event.state == "in_progress":
        case.end_waits(case.waits_for(event.engagement_id, "customer"), at=at, by=cause.actor, reason=reason)
        _wait(case, cause, event, at)
        await act_on(case, tx, at=at, by=cause.actor, reason=reason)


async def wait_again(event: PartnerTicketReopened, tx: Transaction) -> None:
    """What they had resolved or closed is not: the case waits for them again."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    at, said = event.reopened_at, f" {event.text}" if event.text else ""
    text = say("ticket_reopened", case.language, partner=event.partner_name, ticket=event.ticket_number)
    note_fact(case, tx, text + said, at=at)
    _wait(case, cause, event, at)
    await act_on(case, tx, at=at, by=cause.actor, reason="partner ticket reopened")


def _wait(
    case: Case,
    cause: Cause,
    event: PartnerTicketOpened | PartnerTicketUpdated | PartnerTicketReopened,
    since: datetime,
) -> None:
    case.begin_wait(
        derived(cause.event_id, "wait"),
        "partner",
        since=since,
        by=cause.actor,
        cause_id=event.engagement_id,
        note=event.ticket_number,
    )


async def ask_for_the_partner(event: PartnerInformationRequired, tx: Transaction) -> None:
    """What the partner needs to know, we ask of the customer; their note, or the partner's going on, ends this wait."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    text = say("information_required", case.language, partner=event.partner_name, text=event.needed)
    note_fact(case, tx, text, at=event.required_at)
    case.begin_wait(
        derived(cause.event_id, "wait"),
        "customer",
        since=event.required_at,
        by=cause.actor,
        cause_id=event.engagement_id,
        note=event.needed,
    )
    await act_on(case, tx, at=event.required_at, by=cause.actor, reason=text)


async def end_wait_for_partner(event: TicketOver, tx: Transaction) -> None:
    """Their last word in a note, and nothing of theirs is waited for any more."""
    if (found := await heard(event, tx)) is None:
        return
    case, cause = found
    at, text, reason = _over(event, case)
    note_fact(case, tx, text, at=at)
    case.end_waits(case.waits_for(event.engagement_id), at=at, by=cause.actor, reason=reason)
    await act_on(case, tx, at=at, by=cause.actor, reason=reason)


def _over(event: TicketOver, case: Case) -> tuple[datetime, str, str]:
    """When it was over, what a note says of it, and the reason for the history."""
    match event:
        case PartnerTicketResolved():
            text = say("ticket_resolved", case.language, partner=event.partner_name, text=event.resolution)
            return event.resolved_at, text, "partner ticket resolved"
        case PartnerTicketClosed():
            text = say("ticket_closed", case.language, ticket=event.ticket_number)
            return event.closed_at, text, "partner ticket closed"
        case PartnerTicketMissing():
            about = {"partner": event.partner_name, "ticket": event.ticket_number}
            return event.missing_at, say("ticket_missing", case.language, **about), "partner ticket missing"
        case PartnerTicketWithdrawn():
            text = say("ticket_withdrawn", case.language, text=event.reason)
            return event.withdrawn_at, text, "partner ticket withdrawn"

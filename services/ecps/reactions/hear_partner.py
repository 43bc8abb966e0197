"""What the partner tells: kept once, its state taken over where it is news, relayed to the customer (S8)."""

from datetime import timedelta

from libs.events.ecps import (
    PartnerInformationRequired,
    PartnerTicketClosed,
    PartnerTicketReopened,
    PartnerTicketResolved,
    PartnerTicketUpdated,
)
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import ENDED, SILENT, Engagement
from services.ecps.model.engagement_note import EngagementNote
from services.ecps.model.news import Change, News, take_over
from services.ecps.model.partner import Partner
from services.ecps.model.policy import policies
from services.ecps.reactions.await_partner import await_answer
from services.ecps.reactions.decide_eligibility import decide_eligibility
from services.ecps.reactions.record_opening import record_ticket


async def hear(engagement: Engagement, news: News, tx: Transaction) -> bool:
    """Takes one piece of news for a locked engagement; False for what was heard before."""
    note = EngagementNote.from_partner(engagement, news)
    if await EngagementNote.find(note.id, tx):
        return False
    case, partner = await CaseFile.get(engagement.case_id, tx), await Partner.get(engagement.partner_id, tx)
    await _adopt(engagement, news, case, partner, tx)
    if note.delivery == "echo" or engagement.ticket_number is None:
        tx.add(note)
        return True
    repeated, before = await _was_said(note, tx), engagement.state
    engagement.heard(news.occurred_at)
    change = take_over(engagement, news, tx, shared=case.shares_with(engagement.partner_id))
    if repeated and change.state in (None, before):
        return False
    tx.add(note)
    if not change.by_this:
        _relay(engagement, news, note, Change(None), tx)
        news = news.model_copy(update={"kind": change.state, "text": None, "status": None})
    _relay(engagement, news, note, change, tx)
    if engagement.state not in ENDED:
        await_answer(engagement, case, partner, tx, since=engagement.last_heard_at or news.occurred_at)
    else:
        tx.cancel_timer(engagement, SILENT)
    return True


async def _was_said(note: EngagementNote, tx: Transaction) -> bool:
    """Whether the partner said these very words a moment before or after: some systems tell a thing again under another id."""
    if not note.text:
        return False
    c, span = EngagementNote.c, timedelta(minutes=(await policies.at(tx)).same_words_minutes)
    of_theirs = c.engagement_id == note.engagement_id, c.direction == "from_partner", c.text == note.text
    around = c.said_at.between(note.said_at - span, note.said_at + span)
    return await tx.first(EngagementNote, *of_theirs, around) is not None


async def _adopt(engagement: Engagement, news: News, case: CaseFile, partner: Partner, tx: Transaction) -> None:
    """They name a ticket under our reference and we know of none yet: so there is one."""
    if engagement.ticket_number is None and news.ticket_number:
        if engagement.state in ("submitting", "outcome_unknown", "withdrawn"):
            await record_ticket(engagement, {"number": news.ticket_number, "status": news.status}, tx)
        elif engagement.state == "not_openable" and engagement.reason == "unreachable":
            await decide_eligibility(engagement, case, partner, tx, again=True, known=news.ticket_number)


def _relay(engagement: Engagement, news: News, note: EngagementNote, change: Change, tx: Transaction) -> None:
    facts = engagement.ticket_facts()
    at = news.occurred_at
    if change.reopened:
        # What else it tells is the next fact, which has the words.
        text = news.text if change.state == "in_progress" else None
        status = engagement.partner_state
        tx.emit(PartnerTicketReopened(**facts, update_id=note.id, partner_state=status, text=text, reopened_at=at))
    match change.state:
        case "information_required":
            tx.emit(PartnerInformationRequired(**facts, update_id=note.id, needed=news.said, required_at=at))
        case "resolved":
            engagement.resolve(news.said, at)
            tx.emit(
                PartnerTicketResolved(
                    **facts,
                    resolution=news.said,
                    partner_response_seconds=engagement.partner_response_seconds,
                    partner_resolution_seconds=engagement.partner_resolution_seconds,
                    resolved_at=at,
                )
            )
        case "closed":
            ticket = engagement.must_have_ticket()
            tx.emit(PartnerTicketClosed(**engagement.ids, ticket_number=ticket, reason=news.said, closed_at=at))
        case state if not change.reopened:
            tx.emit(
                PartnerTicketUpdated(
                    **facts,
                    update_id=note.id,
                    state=state,
                    partner_state=news.status,
                    text=news.text,
                    occurred_at=at,
                )
            )

"""Whose turn it is, how long the partner has, and whom we call when nothing comes (S4, S8, S10)."""

from datetime import datetime

from libs.events.ecps import PartnerSilent
from libs.store import Transaction
from libs.store.ids import derived
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import CHECK, SILENT, THEIR_TURN, Engagement
from services.ecps.model.engagement_note import EngagementNote
from services.ecps.model.partner import Partner
from services.ecps.reactions.send_note import send


def await_answer(engagement: Engagement, case: CaseFile, partner: Partner, tx: Transaction, *, since: datetime) -> None:
    """The partner's time for an answer begins anew. Nobody waits for them on a resolved case, or when it is our turn."""
    if engagement.state in THEIR_TURN and case.state == "open":
        engagement.partner_response_due = since + partner.answer_within(engagement.level)
        tx.set_timer(engagement, SILENT, engagement.partner_response_due)
    else:
        engagement.partner_response_due = None
        tx.cancel_timer(engagement, SILENT)


async def call_next_level(engagement: Engagement, tx: Transaction, _detail: str) -> None:
    """Their time passed without a word: the next level of their procedure is called, until none is left."""
    due = engagement.partner_response_due
    if engagement.state not in THEIR_TURN or due is None:
        return
    partner = await Partner.get(engagement.partner_id, tx)
    # Who says nothing may have nothing.
    tx.set_timer(engagement, CHECK, tx.now)
    engagement.partner_response_due = None
    called = "no level is left"
    if engagement.level < len(partner.procedure):
        engagement.level += 1
        called = f"called level {engagement.level}"
        engagement.partner_response_due = tx.now + partner.answer_within(engagement.level)
        tx.set_timer(engagement, SILENT, engagement.partner_response_due)
        send(_call(engagement, due, tx.now), engagement, partner, tx)
    engagement.record(tx, f"the partner is silent; {called}")
    tx.emit(
        PartnerSilent(
            **engagement.facts(),
            ticket_number=engagement.ticket_number,
            response_due=due,
            last_heard_at=engagement.last_heard_at,
            level=max(engagement.level, 1),
            silent_at=tx.now,
        )
    )


def _call(engagement: Engagement, due: datetime, at: datetime) -> EngagementNote:
    text = (
        f"Your answer was due at {due:%Y-%m-%d %H:%M} UTC. By the escalation procedure agreed between us this goes to "
        f"level {engagement.level}."
    )
    id = derived(engagement.id, f"level:{engagement.level}:{due.isoformat()}")
    return EngagementNote.to_partner(engagement, id=id, origin="system", text=text, at=at)

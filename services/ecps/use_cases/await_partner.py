"""Whose turn it is, how long the partner has, and up whom we go when nothing comes (S4, S8, S10)."""

from datetime import datetime

from libs.events.ecps import PartnerSilent
from libs.events.values import PartnerContact
from libs.store import Transaction
from libs.store.ids import derived
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import THEIR_TURN, Engagement
from services.ecps.model.engagement_note import EngagementNote
from services.ecps.model.partner import Partner
from services.ecps.use_cases.send_note import send


def await_answer(engagement: Engagement, case: CaseFile, partner: Partner, tx: Transaction, *, since: datetime) -> None:
    """The partner's time for an answer begins anew. Nobody waits for them on a resolved case, or when it is our turn."""
    if engagement.state in THEIR_TURN and case.state == "open":
        engagement.partner_response_due = since + partner.answer_within(engagement.level)
        tx.set_timer(engagement, "silent", engagement.partner_response_due)
    else:
        engagement.partner_response_due = None
        tx.cancel_timer(engagement, "silent")


async def call_next_level(engagement: Engagement, tx: Transaction, detail: str) -> None:
    """Their response time passed without a word: the next level of their procedure is called, until none is left."""
    del detail
    if engagement.state not in THEIR_TURN or engagement.partner_response_due is None:
        return
    partner = await Partner.get(engagement.partner_id, tx)
    due, called = engagement.partner_response_due, None
    if engagement.level < len(partner.procedure):
        engagement.level += 1
        called = partner.procedure[engagement.level - 1].contact
        engagement.partner_response_due = tx.now + partner.answer_within(engagement.level)
        tx.set_timer(engagement, "silent", engagement.partner_response_due)
        send(_call(engagement, called, due, tx), engagement, partner, tx)
    else:
        engagement.partner_response_due = None
    engagement.record(tx, f"the partner is silent; called {called.name if called else 'nobody, no level is left'}")
    tx.emit(
        PartnerSilent(
            **engagement.ids, partner_name=engagement.partner_name, ticket_number=engagement.ticket_number, response_due=due,
            last_heard_at=engagement.last_heard_at, level=max(engagement.level, 1), called=called, silent_at=tx.now,
        )
    )  # fmt: skip


def _call(engagement: Engagement, contact: PartnerContact, due: datetime, tx: Transaction) -> EngagementNote:
    text = (
        f"Your answer was due at {due:%Y-%m-%d %H:%M} UTC. By the escalation procedure agreed between us this goes to "
        f"level {engagement.level}: {contact.name}."
    )
    return EngagementNote(
        id=derived(engagement.id, f"level:{engagement.level}:{due.isoformat()}"), account_id=engagement.account_id,
        case_id=engagement.case_id, engagement_id=engagement.id, direction="to_partner", origin="system", author="Poly+",
        text=text, delivery="waiting", said_at=tx.now,
    )  # fmt: skip

"""How an engagement ends from our side: taken back from the partner, or closed there with the case (S8)."""

from datetime import datetime

from libs.events.ecps import PartnerTicketClosed, PartnerTicketWithdrawn
from libs.events.values import Role
from libs.store import Transaction
from services.ecps.model.case_file import Said
from services.ecps.model.engagement import CHECK, RETRY, SILENT, Engagement
from services.ecps.model.partner import Partner
from services.ecps.model.wording import consent_withdrawn, why_not
from services.ecps.reactions.end_ticket import end_ticket
from services.ecps.reactions.send_note import withhold


async def withdraw(
    engagement: Engagement,
    reason: str,
    tx: Transaction,
    *,
    by: str,
    by_role: Role,
    at: datetime,
    told: str | None = None,
) -> None:
    """Takes the matter back. A ticket that is just being opened is ended there as soon as its number is known.

    The partner is told `told`, else the reason. Raises ForbiddenTransition.
    """
    engagement.become("withdrawn", tx, reason, at=at)
    engagement.reason = engagement.explanation = None
    await withhold(engagement, tx)
    await _end(engagement, "cancelled", told or reason, tx)
    tx.emit(
        PartnerTicketWithdrawn(
            **engagement.ids,
            ticket_number=engagement.ticket_number,
            reason=reason,
            by=by,
            by_role=by_role,
            withdrawn_at=at,
        )
    )


async def end_sharing(engagement: Engagement, said: Said, tx: Transaction) -> None:
    """The customer consents no more: nothing goes out from now on, and what is there is taken back. Raises ForbiddenTransition."""
    why = consent_withdrawn(engagement.language, partner=engagement.partner_name)
    await withdraw(engagement, why, tx, by=said.by, by_role=said.by_role, at=said.at, told="withdrawn")
    engagement.reason = "no_consent"
    engagement.explanation = why_not("no_consent", engagement.language, partner=engagement.partner_name)


async def close_with_case(engagement: Engagement, reason: str, tx: Transaction, *, at: datetime) -> None:
    """What the partner has resolved is closed there when the case ends. Raises ForbiddenTransition."""
    ticket = engagement.must_have_ticket()
    engagement.become("closed", tx, reason, at=at)
    await _end(engagement, "closed", reason, tx)
    tx.emit(PartnerTicketClosed(**engagement.ids, ticket_number=ticket, reason=reason, closed_at=at))


async def _end(engagement: Engagement, status: str, reason: str, tx: Transaction) -> None:
    engagement.partner_response_due = None
    for timer in (SILENT, RETRY, CHECK):
        tx.cancel_timer(engagement, timer)
    partner = await Partner.find(engagement.partner_id, tx)
    if partner:
        end_ticket(engagement, partner, status, reason, tx)

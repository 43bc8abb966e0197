"""How an engagement ends from our side: taken back from the partner, or closed there with the case (S8)."""

from datetime import datetime

from libs.events.ecps import PartnerTicketClosed, PartnerTicketWithdrawn
from libs.events.values import Role
from libs.store import Transaction
from services.ecps.model.engagement import RETRY, SILENT, Engagement
from services.ecps.model.partner import Partner
from services.ecps.reactions.end_ticket import end_ticket


async def withdraw(
    engagement: Engagement, reason: str, tx: Transaction, *, by: str, by_role: Role, at: datetime
) -> None:
    """Takes the matter back. A ticket that is just being opened is ended there as soon as its number is known.

    Raises ForbiddenTransition.
    """
    engagement.become("withdrawn", tx, reason, at=at)
    await _end(engagement, "cancelled", reason, tx)
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


async def close_with_case(engagement: Engagement, reason: str, tx: Transaction, *, at: datetime) -> None:
    """What the partner has resolved is closed there when the case ends. Raises ForbiddenTransition."""
    ticket = engagement.must_have_ticket()
    engagement.become("closed", tx, reason, at=at)
    await _end(engagement, "closed", reason, tx)
    tx.emit(PartnerTicketClosed(**engagement.ids, ticket_number=ticket, reason=reason, closed_at=at))


async def _end(engagement: Engagement, status: str, reason: str, tx: Transaction) -> None:
    engagement.partner_response_due = None
    for timer in (SILENT, RETRY):
        tx.cancel_timer(engagement, timer)
    partner = await Partner.find(engagement.partner_id, tx)
    if partner:
        end_ticket(engagement, partner, status, reason, tx)

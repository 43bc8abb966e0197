"""No ticket can be opened: the customer reads why, and gets our findings and the partner's contact (S7, S9)."""

from datetime import timedelta

from libs.events.ecps import NotOpenable, PartnerTicketNotOpenable
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import RETRY, Engagement
from services.ecps.model.partner import Partner
from services.ecps.model.policy import policies
from services.ecps.model.wording import why_not
from services.ecps.reactions.fact_time import fact_time
from services.ecps.reactions.share_findings import share_findings


async def refuse_ticket(
    engagement: Engagement,
    case: CaseFile,
    partner: Partner | None,
    reason: NotOpenable,
    tx: Transaction,
    *,
    detail: str = "",
) -> None:
    """Brings the engagement to not_openable; `detail` is what the partner said. A partner out of reach is tried again."""
    at = fact_time(tx)
    engagement.reason = reason
    engagement.explanation = why_not(reason, engagement.language, partner=engagement.partner_name, detail=detail)
    engagement.become("not_openable", tx, detail or reason, at=at)
    if reason == "unreachable":
        policy = await policies.at(tx)
        tx.set_timer(engagement, RETRY, tx.now + timedelta(minutes=policy.retry_unreachable_minutes))
    tx.emit(
        PartnerTicketNotOpenable(
            **engagement.facts(),
            reason=reason,
            explanation=engagement.explanation,
            partner_contact=partner.contact if partner else None,
            decided_at=at,
        )
    )
    share_findings(engagement, case, partner, tx, at)

"""Whether a ticket may be opened: yes, and it is submitted; or no, with the reason, until what lacks arrives (S5, S7, S9)."""

from datetime import datetime, timedelta
from uuid import UUID

from libs.events.ecps import NotOpenable, PartnerEngagementRequested, PartnerTicketNotOpenable
from libs.store import Transaction
from services.ecps.model.agreement import Agreement, agreement_between
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.partner import Partner
from services.ecps.model.policy import policies
from services.ecps.model.wording import why_not
from services.ecps.use_cases.share_findings import share_findings
from services.ecps.use_cases.submit_ticket import start_opening

_NOT_OF_OURS: tuple[NotOpenable, ...] = ("partner_rejected", "unreachable")


def now_of(tx: Transaction) -> datetime:
    """The instant of the fact that is being handled, else now."""
    return tx.cause.time if tx.cause else tx.now


async def consider(
    engagement: Engagement,
    case: CaseFile,
    partner: Partner | None,
    tx: Transaction,
    *,
    again: bool = False,
    known: str | None = None,
) -> None:
    """For a locked engagement that is requested or not openable. `again`: something arrived, so what failed is retried.

    `known`: the ticket that the partner says there is.
    """
    obstacle = await _obstacle(engagement, case, partner, tx)
    if partner:
        engagement.partner_name = partner.name
    if engagement.state == "not_openable":
        failed_there = engagement.reason in _NOT_OF_OURS
        if (obstacle == engagement.reason) or (obstacle is None and failed_there and not again):
            return
        request_again(engagement, tx)
    if obstacle:
        await refuse(engagement, case, partner, obstacle, tx)
        return
    assert partner is not None
    engagement.reason = engagement.explanation = None
    engagement.connector = partner.connector
    engagement.to("eligible", tx, "approved, permitted, consented", at=now_of(tx))
    start_opening(engagement, case, partner, tx, at=now_of(tx), known=known)


def request_again(engagement: Engagement, tx: Transaction) -> None:
    tx.cancel_timer(engagement, "retry")
    engagement.to("requested", tx, f"again, after {engagement.reason}", at=now_of(tx))
    announce(engagement, tx, again=True, at=now_of(tx))


def announce(engagement: Engagement, tx: Transaction, *, again: bool, at: datetime) -> None:
    tx.emit(
        PartnerEngagementRequested(
            **engagement.ids, number=engagement.number, partner_name=engagement.partner_name, again=again, requested_at=at
        )
    )  # fmt: skip


async def _obstacle(
    engagement: Engagement, case: CaseFile, partner: Partner | None, tx: Transaction
) -> NotOpenable | None:
    if partner is None or not partner.approved_strategic:
        return "not_approved"
    if not partner.permits_direct_work:
        return "not_permitted"
    wish = case.wish(partner.id)
    if wish is None or not wish.last.consent:
        return "no_consent"
    agreement: Agreement | None = await agreement_between(engagement.account_id, partner.id, tx)
    if agreement is None and partner.requires_agreement:
        return "no_agreement"
    engagement.agreement_reference = agreement.reference if agreement else None
    return None


async def refuse(
    engagement: Engagement,
    case: CaseFile,
    partner: Partner | None,
    reason: NotOpenable,
    tx: Transaction,
    *,
    detail: str = "",
) -> None:
    """No ticket: the customer learns why, and gets the findings and the partner's contact instead."""
    at = now_of(tx)
    engagement.reason = reason
    engagement.explanation = why_not(reason, engagement.language, partner=engagement.partner_name, detail=detail)
    engagement.to("not_openable", tx, detail or reason, at=at)
    if reason == "unreachable":
        policy = await policies.at(tx)
        tx.set_timer(engagement, "retry", tx.now + timedelta(minutes=policy.retry_unreachable_minutes))
    tx.emit(
        PartnerTicketNotOpenable(
            **engagement.ids, partner_name=engagement.partner_name, reason=reason, explanation=engagement.explanation,
            partner_contact=partner.contact if partner else None, decided_at=at,
        )
    )  # fmt: skip
    share_findings(engagement, case, partner, tx, at)


async def reconsider_all(partner: Partner, tx: Transaction, *, account_id: UUID | None = None) -> None:
    """An agreement or a permission arrived: whatever waits for it goes on by itself. `partner` is locked."""
    conditions = [Engagement.c.partner_id == partner.id, Engagement.c.state == "not_openable"]
    if account_id:
        conditions.append(Engagement.c.account_id == account_id)
    for engagement in await tx.select(Engagement, *conditions, lock=True):
        if engagement.state == "not_openable":
            case = await CaseFile.get(engagement.case_id, tx)
            await consider(engagement, case, partner, tx, again=True)


async def retry_unreachable(engagement: Engagement, tx: Transaction, detail: str) -> None:
    """A partner that could not be reached is tried again by time."""
    del detail
    if engagement.state == "not_openable" and engagement.reason == "unreachable":
        case = await CaseFile.get(engagement.case_id, tx)
        await consider(engagement, case, await Partner.find(engagement.partner_id, tx), tx, again=True)

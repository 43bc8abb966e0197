"""Whether a ticket may be opened: it is submitted, or refused until what lacks arrives (S5, S7, S9)."""

from uuid import UUID

from libs.store import Transaction
from services.ecps.model.agreement import agreement_between
from services.ecps.model.case_file import CaseFile
from services.ecps.model.eligibility import obstacle, still_refused
from services.ecps.model.engagement import Engagement
from services.ecps.model.partner import Partner
from services.ecps.reactions.fact_time import fact_time
from services.ecps.reactions.refuse_ticket import refuse_ticket
from services.ecps.reactions.request_engagement import request_again
from services.ecps.reactions.submit_ticket import submit_ticket


async def decide_eligibility(
    engagement: Engagement,
    case: CaseFile,
    partner: Partner | None,
    tx: Transaction,
    *,
    again: bool = False,
    known: str | None = None,
) -> None:
    """For a locked engagement that is requested or not openable, or withdrawn until there is consent.

    `again`: something arrived, so what the partner refused is tried once more. `known`: the ticket that the partner says there is.
    """
    agreement = await agreement_between(engagement.account_id, partner.id, tx) if partner else None
    found = obstacle(partner, case.wish(engagement.partner_id), agreement)
    if partner:
        engagement.partner_name = partner.name
    doubtful = engagement.may_have_a_ticket
    if engagement.state != "requested":
        if still_refused(engagement.reason, found, again=again):
            return
        request_again(engagement, tx)
    if found or partner is None:
        await refuse_ticket(engagement, case, partner, found or "not_approved", tx)
        return
    engagement.reason = engagement.explanation = None
    engagement.agreement_reference = agreement.reference if agreement else None
    engagement.connector = partner.connector
    engagement.become("eligible", tx, "approved, permitted, consented", at=fact_time(tx))
    submit_ticket(engagement, partner, tx, at=fact_time(tx), known=known, doubtful=doubtful)


async def reconsider_all(partner: Partner, tx: Transaction, *, account_id: UUID | None = None) -> None:
    """An agreement or a permission arrived: what waits for it goes on. `partner` is locked; no `account_id`: every account's."""
    conditions = [Engagement.c.partner_id == partner.id, Engagement.c.state == "not_openable"]
    if account_id:
        conditions.append(Engagement.c.account_id == account_id)
    for engagement in await tx.select(Engagement, *conditions, lock=True):
        if engagement.state == "not_openable":
            case = await CaseFile.get(engagement.case_id, tx)
            await decide_eligibility(engagement, case, partner, tx, again=True)


async def retry_unreachable(engagement: Engagement, tx: Transaction, _detail: str) -> None:
    """A partner that could not be reached is tried again by time."""
    if engagement.state == "not_openable" and engagement.reason == "unreachable":
        case = await CaseFile.get(engagement.case_id, tx)
        await decide_eligibility(engagement, case, await Partner.find(engagement.partner_id, tx), tx, again=True)

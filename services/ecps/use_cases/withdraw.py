"""Take the matter back from the partner, or give up asking."""

from datetime import datetime
from typing import cast
from uuid import UUID

from libs.events.ecps import PartnerTicketClosed, PartnerTicketWithdrawn
from libs.events.values import Role
from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.partner import Partner
from services.ecps.queries.engagements import EngagementOut, engagement_for
from services.ecps.use_cases.end_ticket import end_ticket

router = Router(tags=["partner engagements"])


class WithdrawEngagement(Command):
    reason: Reason


async def withdraw(
    engagement: Engagement, reason: str, tx: Transaction, *, by: str, by_role: Role, at: datetime
) -> None:
    """A ticket that is just being opened is ended at the partner as soon as its number is known."""
    engagement.to("withdrawn", tx, reason, at=at)
    await _end(engagement, "cancelled", reason, tx)
    tx.emit(
        PartnerTicketWithdrawn(
            **engagement.ids, ticket_number=engagement.ticket_number, reason=reason, by=by, by_role=by_role, withdrawn_at=at
        )
    )  # fmt: skip


async def close_with_case(engagement: Engagement, reason: str, tx: Transaction, *, at: datetime) -> None:
    """What the partner has resolved is closed there when the case ends."""
    assert engagement.ticket_number is not None
    engagement.to("closed", tx, reason, at=at)
    await _end(engagement, "closed", reason, tx)
    tx.emit(PartnerTicketClosed(**engagement.ids, ticket_number=engagement.ticket_number, reason=reason, closed_at=at))


async def _end(engagement: Engagement, status: str, reason: str, tx: Transaction) -> None:
    engagement.partner_response_due = None
    for timer in ("silent", "retry"):
        tx.cancel_timer(engagement, timer)
    partner = await Partner.find(engagement.partner_id, tx)
    if partner:
        end_ticket(engagement, partner, status, reason, tx)


@router.post(
    "/v1/partner-engagements/{engagement_id}/withdraw",
    dependencies=[allow(*ACCOUNT_KEEPERS)],
)
async def withdraw_route(engagement_id: UUID, cmd: WithdrawEngagement, tx: Tx, caller: Caller) -> EngagementOut:
    engagement = await engagement_for(caller, engagement_id, tx, lock=True)
    (await CaseFile.get(engagement.case_id, tx)).takes_commands()
    by_role = cast("Role", caller.role)
    await withdraw(engagement, cmd.reason, tx, by=caller.scope.actor, by_role=by_role, at=tx.now)
    return EngagementOut.model_validate(engagement)

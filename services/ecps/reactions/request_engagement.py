"""The customer wants a ticket with a partner: our work on it begins, or begins again (S5, S6)."""

from datetime import datetime

from libs.events.cases import CaseOpened
from libs.events.cases_work import FaultDiagnosed
from libs.events.ecps import PartnerEngagementRequested
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile, Wish
from services.ecps.model.engagement import LOOK_AGAIN, RETRY, Engagement, EngagementChange
from services.ecps.model.partner import Partner
from services.ecps.reactions.fact_time import fact_time


async def request(
    case: CaseFile, opened: CaseOpened, diagnosis: FaultDiagnosed, wish: Wish, partner: Partner | None, tx: Transaction
) -> Engagement:
    """Begins it: a standing diagnosis has to do with the partner's environment, and the customer asked."""
    id, number = Engagement.id_for(diagnosis.diagnosis_id), await tx.next_number("PE")
    at = max(diagnosis.diagnosed_at, wish.first.requested_at)
    reason = "diagnosed, and the customer asked"
    engagement = tx.add(
        Engagement(
            id=id,
            account_id=opened.account_id,
            number=number,
            case_id=case.id,
            diagnosis_id=diagnosis.diagnosis_id,
            partner_id=wish.first.partner_id,
            partner_name=partner.name if partner else "Unknown partner",
            language=opened.language,
            our_reference=f"{number}-{id.hex[:8]}",
            asked_at=wish.first.requested_at,
            history=[EngagementChange(state="requested", at=at, by=tx.scope.actor, reason=reason)],
            created_at=tx.now,
        )
    )
    _tell(engagement, tx, again=False, at=at)
    return engagement


def request_again(engagement: Engagement, tx: Transaction) -> None:
    """For one that was not openable, or taken back for want of consent: what was in the way is gone, or another thing is."""
    tx.cancel_timer(engagement, RETRY)
    tx.cancel_timer(engagement, LOOK_AGAIN)
    if engagement.state == "withdrawn":
        engagement.begin_anew(asked_at=fact_time(tx))
    engagement.become("requested", tx, f"again, after {engagement.reason}", at=fact_time(tx))
    _tell(engagement, tx, again=True, at=fact_time(tx))


def _tell(engagement: Engagement, tx: Transaction, *, again: bool, at: datetime) -> None:
    facts = engagement.facts()
    tx.emit(PartnerEngagementRequested(**facts, number=engagement.number, again=again, requested_at=at))

"""What became of opening the ticket: opened, refused, out of reach, or unknown until looked up (S4, S6)."""

from datetime import timedelta
from typing import Any

from libs.events.ecps import PartnerTicketOpened
from libs.store import Transaction
from services.ecps.connectors.outcomes import NOTHING_SENT
from services.ecps.model.alarms import doubt
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import (
    CHECK,
    LOOK_AGAIN,
    LOOK_UP,
    OPEN_TICKET,
    Engagement,
    HeldCall,
    engagement_with_ticket,
)
from services.ecps.model.partner import Partner
from services.ecps.model.policy import policies
from services.ecps.reactions.await_partner import await_answer
from services.ecps.reactions.end_ticket import end_ticket
from services.ecps.reactions.mend_credentials import hold, tell_operator
from services.ecps.reactions.refuse_ticket import refuse_ticket
from services.ecps.reactions.send_note import send_waiting
from services.ecps.reactions.share_findings import share_findings
from services.ecps.reactions.submit_ticket import submit_ticket


async def record_answer(engagement: Engagement, result: dict[str, Any], tx: Transaction) -> None:
    """The result of open_ticket."""
    match result["outcome"]:
        case "opened":
            await record_ticket(engagement, result["ticket"], tx)
        case "rejected" if engagement.state == "submitting":
            case, partner = await _of(engagement, tx)
            await refuse_ticket(engagement, case, partner, "partner_rejected", tx, detail=result["detail"])
        case "held" if engagement.state == "submitting":
            await _hold(engagement, result, tx)
        case "held" | "unknown" if engagement.state == "withdrawn" and not result.get("doubtful", True):
            pass  # Nothing is there, and nothing is wanted.
        case "held" | "unknown" if engagement.state in ("submitting", "withdrawn"):
            await _look_for_it(engagement, result["detail"], tx)


async def _hold(engagement: Engagement, result: dict[str, Any], tx: Transaction) -> None:
    _remark(engagement, f"our credentials were refused: {result['detail']}", tx)
    await hold(engagement, OPEN_TICKET, HeldCall(doubtful=result["doubtful"]), tx)


async def record_unreachable(engagement: Engagement, reason: str, tx: Transaction) -> None:
    """No attempt of open_ticket got an answer: out of reach, or unknown where one of them may have taken effect."""
    if not reason.startswith(NOTHING_SENT):
        if engagement.state in ("submitting", "withdrawn"):
            await _look_for_it(engagement, reason, tx)
    elif engagement.state == "submitting":
        case, partner = await _of(engagement, tx)
        await refuse_ticket(engagement, case, partner, "unreachable", tx, detail=reason)


async def _look_for_it(engagement: Engagement, why: str, tx: Transaction) -> None:
    if engagement.state == "submitting":
        engagement.become("outcome_unknown", tx, why)
    engagement.looks = 0
    tx.set_timer(engagement, LOOK_AGAIN, tx.now + (await policies.at(tx)).next_look(0))


async def look_again(engagement: Engagement, tx: Transaction, _detail: str) -> None:
    """Their side had time to finish: asks whether there is a ticket, also when we have withdrawn meanwhile."""
    if _is_wanted(engagement):
        partner = await Partner.get(engagement.partner_id, tx)
        tx.start_job(
            engagement,
            LOOK_UP,
            destination=str(partner.id),
            reference=engagement.our_reference,
        )


async def record_no_look_up(engagement: Engagement, _reason: str, tx: Transaction) -> None:
    """Their system could not be asked: whether there is a ticket stays unknown, and is asked again later."""
    if _is_wanted(engagement):
        policy = await policies.at(tx)
        tx.set_timer(engagement, LOOK_AGAIN, tx.now + timedelta(seconds=policy.reconcile_after_seconds))


async def record_look_up(engagement: Engagement, result: dict[str, Any], tx: Transaction) -> None:
    """The result of look_up_ticket. There is none only when every look of the policy found none.

    Where a search can tell nothing, somebody has to look.
    """
    if result["outcome"] == "opened":
        await record_ticket(engagement, result["ticket"], tx)
        return
    if not _is_wanted(engagement):
        return
    policy = await policies.at(tx)
    if result["outcome"] == "held":
        _remark(engagement, f"our credentials were refused: {result['detail']}", tx)
        await tell_operator(engagement, tx)
        tx.set_timer(engagement, LOOK_AGAIN, tx.now + timedelta(minutes=policy.retry_unreachable_minutes))
        return
    if result["outcome"] == "unusable":
        doubt("search_unusable", engagement=engagement.number, why=result["detail"])
        _remark(engagement, f"their side has to be searched by hand: {result['detail']}", tx)
        tx.set_timer(engagement, LOOK_AGAIN, tx.now + timedelta(minutes=policy.look_minutes))
        return
    engagement.looks += 1
    if engagement.looks < policy.looks:
        tx.set_timer(engagement, LOOK_AGAIN, tx.now + policy.next_look(engagement.looks))
    elif engagement.state == "outcome_unknown":
        await submit_again(engagement, tx)


def _is_wanted(engagement: Engagement) -> bool:
    """Whether we still want to know if there is a ticket."""
    return engagement.ticket_number is None and engagement.state in ("outcome_unknown", "withdrawn")


def _remark(engagement: Engagement, what: str, tx: Transaction) -> None:
    if engagement.history[-1].reason != what:
        engagement.record(tx, what)


async def submit_again(engagement: Engagement, tx: Transaction) -> None:
    """There is no ticket under our reference: it is created again. Raises ForbiddenTransition."""
    tx.cancel_timer(engagement, LOOK_AGAIN)
    _, partner = await _of(engagement, tx)
    submit_ticket(engagement, partner, tx)


async def record_ticket(engagement: Engagement, ticket: dict[str, Any], tx: Transaction) -> None:
    """The partner has a ticket that carries our reference: `number`, and `url` and `status` where they are known.

    One that was opened while we withdrew is ended there at once. One that stands for another engagement is refused.
    """
    number = ticket["number"]
    if engagement.ticket_number is not None or engagement.state not in ("submitting", "outcome_unknown", "withdrawn"):
        if engagement.ticket_number not in (None, number):
            doubt("another_ticket", engagement=engagement.number, ticket=number)
        return
    if await engagement_with_ticket(engagement.partner_id, number, tx):
        await _refuse_taken(engagement, number, tx)
        return
    case, partner = await _of(engagement, tx)
    engagement.ticket_number, engagement.ticket_url = number, ticket.get("url") or partner.page_of(number)
    engagement.partner_state = ticket.get("status")
    if engagement.state == "withdrawn":
        engagement.record(tx, f"their ticket {number} had been opened meanwhile")
        end_ticket(engagement, partner, "cancelled", "withdrawn", tx)
        return
    tx.cancel_timer(engagement, LOOK_AGAIN)
    engagement.become("opened", tx, f"their ticket {number}")
    engagement.opened_at = tx.now
    engagement.looks = 0
    tx.set_timer(engagement, CHECK, tx.now + timedelta(minutes=(await policies.at(tx)).look_minutes))
    engagement.response_seconds = max(0, int((tx.now - engagement.asked_at).total_seconds()))
    await_answer(engagement, case, partner, tx, since=tx.now)
    tx.emit(
        PartnerTicketOpened(
            **engagement.ticket_facts(),
            ticket_url=engagement.ticket_url,
            our_reference=engagement.our_reference,
            agreement_reference=engagement.agreement_reference,
            response_seconds=engagement.response_seconds,
            partner_response_due=engagement.partner_response_due,
            opened_at=tx.now,
        )
    )
    share_findings(engagement, case, partner, tx, tx.now)
    await send_waiting(engagement, partner, tx)


async def _refuse_taken(engagement: Engagement, number: str, tx: Transaction) -> None:
    """It may be another customer's: its number is told to the operator alone."""
    doubt("number_taken", engagement=engagement.number, ticket=number)
    why = "its system answered with a ticket that stands for another request"
    tx.cancel_timer(engagement, LOOK_AGAIN)
    if engagement.state == "withdrawn":
        engagement.record(tx, why)
        return
    if engagement.state == "outcome_unknown":
        engagement.become("submitting", tx, why)
    case, partner = await _of(engagement, tx)
    await refuse_ticket(engagement, case, partner, "partner_rejected", tx, detail=why)


async def _of(engagement: Engagement, tx: Transaction) -> tuple[CaseFile, Partner]:
    return await CaseFile.get(engagement.case_id, tx), await Partner.get(engagement.partner_id, tx)

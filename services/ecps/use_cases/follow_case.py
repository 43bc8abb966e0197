"""Keep every fact about a case, and do what all of them together call for, in whatever order they came."""

from libs.events.cases import CaseCancelled, CaseClosed, CaseOpened, CaseReopened, CaseResolved
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed, PartnerTicketRequested
from libs.events.entitlements import CoverageDecided
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile, Wish, case_file_of
from services.ecps.model.engagement import ENDED, UNSUBMITTED, Engagement, Step
from services.ecps.model.partner import Partner
from services.ecps.use_cases.await_partner import await_answer
from services.ecps.use_cases.cancel_calls import cancel_calls
from services.ecps.use_cases.consider import announce, consider, now_of
from services.ecps.use_cases.withdraw import close_with_case, withdraw


async def note_case(event: CaseOpened, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.account_id, case.opened = event.account_id, event
    await settle(case, tx)


async def note_coverage(event: CoverageDecided, tx: Transaction) -> None:
    """The highest revision holds: product and site for the findings and the calls. Cover itself decides nothing here."""
    case = await case_file_of(event.case_id, tx)
    case.account_id = case.account_id or event.account_id
    if case.coverage is None or event.revision > case.coverage.revision:
        case.coverage = event


async def note_diagnosis(event: FaultDiagnosed, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.diagnoses[event.diagnosis_id] = event
    await settle(case, tx)


async def note_withdrawal(event: DiagnosisWithdrawn, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.withdrawn[event.diagnosis_id] = event
    await settle(case, tx)


async def note_request(event: PartnerTicketRequested, tx: Transaction) -> None:
    """Asking again is also how a customer gives consent, or has a refused ticket tried once more."""
    case = await case_file_of(event.case_id, tx)
    case.requests[event.request_id] = event
    await settle(case, tx, again=event.consent)


async def note_resolution(event: CaseResolved, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.become("resolved", event.resolved_at)
    await settle(case, tx, turned=True)


async def note_reopening(event: CaseReopened, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.become("open", event.reopened_at)
    await settle(case, tx, turned=True)


async def note_closure(event: CaseClosed, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.become("closed", event.closed_at)
    await settle(case, tx)


async def note_cancellation(event: CaseCancelled, tx: Transaction) -> None:
    case = await case_file_of(event.case_id, tx)
    case.become("cancelled", event.cancelled_at)
    case.cancelled = event
    await settle(case, tx)
    await cancel_calls(case, event.reason, tx)


async def settle(case: CaseFile, tx: Transaction, *, again: bool = False, turned: bool = False) -> None:
    """Does nothing a second time: each act changes the engagement that it looks at.

    `again`: what failed at the partner is retried. `turned`: the case was resolved or reopened.
    """
    if tx.rebuilding or case.opened is None:
        return
    for diagnosis_id in sorted(case.diagnoses):
        diagnosis = case.diagnoses[diagnosis_id]
        partner_id = case.partner_of(diagnosis)
        wish = case.wish(partner_id) if partner_id else None
        if wish is None:
            continue
        partner = await Partner.find(wish.first.partner_id, tx, lock=True)  # before its engagements, everywhere
        engagement = await Engagement.find(Engagement.id_for(diagnosis_id), tx, lock=True)
        if engagement is None:
            if diagnosis_id in case.withdrawn or case.state in ("closed", "cancelled"):
                continue
            engagement = await _request(case, case.opened, diagnosis, wish, partner, tx)
        if engagement.state not in ENDED:
            await _follow(engagement, case, partner, tx, again=again, turned=turned)


async def _request(
    case: CaseFile, opened: CaseOpened, diagnosis: FaultDiagnosed, wish: Wish, partner: Partner | None, tx: Transaction
) -> Engagement:
    """A standing diagnosis says it is theirs or related to it, and the customer asked."""
    id, number = Engagement.id_for(diagnosis.diagnosis_id), await tx.next_number("PE")
    at = max(diagnosis.diagnosed_at, wish.first.requested_at)
    engagement = tx.add(
        Engagement(
            id=id, account_id=opened.account_id, number=number, case_id=case.id, diagnosis_id=diagnosis.diagnosis_id,
            partner_id=wish.first.partner_id, partner_name=partner.name if partner else "Unknown partner",
            language=opened.language, our_reference=f"{number}-{id.hex[:8]}", asked_at=wish.first.requested_at,
            history=[Step(state="requested", at=at, by=tx.scope.actor, reason="diagnosed, and the customer asked")],
            created_at=tx.now,
        )
    )  # fmt: skip
    announce(engagement, tx, again=False, at=at)
    return engagement


async def _follow(
    engagement: Engagement, case: CaseFile, partner: Partner | None, tx: Transaction, *, again: bool, turned: bool
) -> None:
    withdrawn = case.withdrawn.get(engagement.diagnosis_id)
    if case.state in ("closed", "cancelled"):
        reason = f"the case was cancelled: {case.cancelled.reason}" if case.cancelled else "the case was closed"
        at = case.state_at or now_of(tx)
        if engagement.state == "resolved":
            await close_with_case(engagement, reason, tx, at=at)
        else:
            await withdraw(engagement, reason, tx, by=tx.scope.actor, by_role="system", at=at)
    elif withdrawn and engagement.state in UNSUBMITTED:
        reason = f"the diagnosis was withdrawn: {withdrawn.reason}"
        await withdraw(engagement, reason, tx, by=withdrawn.by, by_role="system", at=withdrawn.withdrawn_at)
    elif engagement.state in ("requested", "not_openable"):
        await consider(engagement, case, partner, tx, again=again)
    elif partner and turned:
        await_answer(engagement, case, partner, tx, since=now_of(tx))

"""Keep every fact about a case, and do what all of them together call for, in whatever order they came."""

from libs.events.cases import CaseCancelled, CaseClosed, CaseCorrected, CaseOpened, CaseReopened, CaseResolved
from libs.events.cases_work import DiagnosisWithdrawn, FaultDiagnosed, PartnerConsentWithdrawn, PartnerTicketRequested
from libs.events.entitlements import CoverageDecided
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile, Coverage, Said, Wish
from services.ecps.model.engagement import ENDED, UNSUBMITTED, Engagement
from services.ecps.model.partner import Partner
from services.ecps.reactions.await_partner import await_answer
from services.ecps.reactions.cancel_calls import cancel_calls
from services.ecps.reactions.decide_eligibility import decide_eligibility
from services.ecps.reactions.end_engagement import close_with_case, end_sharing, withdraw
from services.ecps.reactions.fact_time import fact_time
from services.ecps.reactions.request_engagement import request
from services.ecps.reactions.send_note import withhold


async def note_case(event: CaseOpened, tx: Transaction) -> None:
    """Keeps whose case it is, and what was reported."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.account_id, case.opened = event.account_id, case.kept(event)
    await act_on(case, tx)


async def note_correction(event: CaseCorrected, tx: Transaction) -> None:
    """Findings name the right unit, say what was reported, and are in the right language from then on."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.correct(event)
    if event.new.language and not tx.rebuilding:
        for engagement in await tx.select(Engagement, Engagement.c.case_id == case.id, lock=True):
            engagement.language = event.new.language


async def note_coverage(event: CoverageDecided, tx: Transaction) -> None:
    """Keeps product, time zone and contact for the findings and the calls; the highest revision holds. Cover itself decides nothing here."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.account_id = case.account_id or event.account_id
    if case.coverage is None or event.revision > case.coverage.revision:
        case.coverage = Coverage.of(event)


async def note_diagnosis(event: FaultDiagnosed, tx: Transaction) -> None:
    """Keeps what is wrong, and whether it has to do with a partner (S5)."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.diagnoses[event.diagnosis_id] = case.kept(event)
    await act_on(case, tx)


async def note_withdrawal(event: DiagnosisWithdrawn, tx: Transaction) -> None:
    """Keeps that a diagnosis no longer stands."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.withdrawn[event.diagnosis_id] = case.kept(event)
    await act_on(case, tx)


async def note_request(event: PartnerTicketRequested, tx: Transaction) -> None:
    """Keeps the customer's wish (S6). To ask again gives consent, or has a refused ticket tried once more."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.requests[event.request_id] = case.kept(event)
    await act_on(case, tx, again=event.consent)


async def note_withdrawn_consent(event: PartnerConsentWithdrawn, tx: Transaction) -> None:
    """Nothing of the case is shared with this partner from now on (S6)."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.end_consent(event)
    await act_on(case, tx)
    if not tx.rebuilding and not case.shares_with(event.partner_id):
        for engagement in await tx.select(Engagement, Engagement.c.case_id == case.id, lock=True):
            if engagement.partner_id == event.partner_id:
                await withhold(engagement, tx)
        said = Said(at=event.withdrawn_at, by=event.by, by_role=event.by_role)
        await cancel_calls(case, "consent was withdrawn", said, tx, partner_id=event.partner_id)


async def note_resolution(event: CaseResolved, tx: Transaction) -> None:
    """Nobody waits for the partner of a resolved case."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.become("resolved", event.resolved_at)
    await act_on(case, tx, turned=True)


async def note_reopening(event: CaseReopened, tx: Transaction) -> None:
    """The partner is waited for again."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.become("open", event.reopened_at)
    await act_on(case, tx, turned=True)


async def note_closure(event: CaseClosed, tx: Transaction) -> None:
    """Ends what is with the partner."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.become("closed", event.closed_at)
    await act_on(case, tx)


async def note_cancellation(event: CaseCancelled, tx: Transaction) -> None:
    """Ends what is with the partner, and the calls that were to come."""
    case = await case_file(CaseFile, event.case_id, tx)
    case.become("cancelled", event.cancelled_at)
    case.cancelled = case.kept(event)
    await act_on(case, tx)
    said = Said(at=event.cancelled_at, by=event.by, by_role=event.by_role)
    await cancel_calls(case, event.reason, said, tx)


async def act_on(case: CaseFile, tx: Transaction, *, again: bool = False, turned: bool = False) -> None:
    """Does what the facts of a locked case file call for. Nothing happens twice: each act changes the engagement.

    `again`: what the partner refused is tried once more. `turned`: the case was resolved or reopened.
    """
    opened = case.request
    if tx.rebuilding or opened is None:
        return
    for diagnosis_id in sorted(case.diagnoses):
        diagnosis = case.diagnoses[diagnosis_id]
        partner_id = case.partner_of(diagnosis)
        wish = case.wish(partner_id) if partner_id else None
        if wish is None:
            continue
        # A partner is locked before its engagements, everywhere.
        partner = await Partner.find(wish.first.partner_id, tx, lock=True)
        engagement = await Engagement.find(Engagement.id_for(diagnosis_id), tx, lock=True)
        if engagement is None:
            if diagnosis_id in case.withdrawn or case.ended:
                continue
            engagement = await request(case, opened, diagnosis, wish, partner, tx)
        if engagement.state not in ENDED or engagement.withdrawn_for_consent:
            await _act_on_engagement(engagement, case, wish, partner, tx, again=again, turned=turned)


async def _act_on_engagement(
    engagement: Engagement,
    case: CaseFile,
    wish: Wish,
    partner: Partner | None,
    tx: Transaction,
    *,
    again: bool,
    turned: bool,
) -> None:
    withdrawn = case.withdrawn.get(engagement.diagnosis_id)
    if engagement.state == "withdrawn":
        if wish.consents and not withdrawn and not case.ended:
            await decide_eligibility(engagement, case, partner, tx, again=again)
    elif case.ended:
        reason = f"the case was cancelled: {case.cancelled.reason}" if case.cancelled else "the case was closed"
        at = case.state_at or fact_time(tx)
        if engagement.state == "resolved":
            await close_with_case(engagement, reason, tx, at=at)
        else:
            await withdraw(engagement, reason, tx, by=tx.scope.actor, by_role="system", at=at)
    elif withdrawn and engagement.state in UNSUBMITTED:
        reason = f"the diagnosis was withdrawn: {withdrawn.reason}"
        await withdraw(engagement, reason, tx, by=withdrawn.by, by_role="system", at=withdrawn.withdrawn_at)
    elif not wish.consents and engagement.state not in UNSUBMITTED:
        await end_sharing(engagement, wish.last_word, tx)
    elif engagement.state in ("requested", "not_openable"):
        await decide_eligibility(engagement, case, partner, tx, again=again)
    elif partner and turned:
        await_answer(engagement, case, partner, tx, since=fact_time(tx))

"""Whose a case is, and in which queue it stands."""

from libs.events.cases import CaseAssigned, CaseCorrected, CaseRouted
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.escalation.model.case_file import Assignee, CaseFile
from services.escalation.reactions.fill_queue import end_proposal, look_for
from services.escalation.reactions.record_fact import record
from services.escalation.reactions.serve_desk import serve_desk


async def note_assignee(event: CaseAssigned, tx: Transaction) -> None:
    """Whoever the case is assigned to is told of its breaches, and has to act on it; what was proposed is answered."""
    case = await case_file(CaseFile, event.case_id, tx)
    previous = case.holder
    case.assign(Assignee(person_id=event.assignee_id, since=event.assigned_at))
    if case.proposed:
        followed = case.proposed.person_id is not None and case.proposed.person_id == event.assignee_id
        await end_proposal(case, "followed" if followed else "overtaken", tx)
    await record(case, tx, "assigned", event.assigned_at)
    if previous != case.holder:
        await look_for(previous, tx)


async def note_queue(event: CaseRouted, tx: Transaction) -> None:
    """Who had the case until now is told of its breaches no more. From whom it was taken back, they are not given it again."""
    case = await case_file(CaseFile, event.case_id, tx)
    before, previous = case.queue, case.holder
    case.stand_in(event.queue, event.routed_at)
    if event.previous_assignee_id:
        case.assign(Assignee(person_id=None, since=event.routed_at))
        if case.proposed and case.proposed.person_id is None:
            case.passed_over = [*case.passed_over, event.previous_assignee_id]
            await end_proposal(case, "followed", tx)
        await look_for(previous, tx)
    elif case.proposed and case.proposed.person_id and case.queue != before:
        await end_proposal(case, "overtaken", tx)
    await serve_desk(case, tx)


async def note_language(event: CaseCorrected, tx: Transaction) -> None:
    """Who speaks the customer's language is found by what it is now."""
    if event.new.language:
        case = await case_file(CaseFile, event.case_id, tx)
        case.language = event.new.language
        await serve_desk(case, tx)

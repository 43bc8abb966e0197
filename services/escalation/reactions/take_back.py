"""Whoever has a case and does not act on it in time loses it: that is proposed, and cases does it."""

from libs.events.escalation import AssigneeProposed
from libs.store import Transaction
from libs.store.ids import new_id
from services.escalation.model.case_file import IDLE, CaseFile, Proposed
from services.escalation.model.desk_member import DeskMember
from services.escalation.model.idle import counted_from, idle_since, taken_back_at
from services.escalation.model.proposal import Proposal
from services.escalation.queries.settings_of_case import settings_now
from services.escalation.reactions.fill_queue import end_proposal


async def watch_idleness(case: CaseFile, tx: Transaction) -> None:
    """Needs the case locked. Only of those whose shift is known, and who were at the desk when it was given to them."""
    due, start = None, counted_from(case)
    proposed = case.proposed.counted_from if case.proposed else None
    if start and start != proposed and case.priority:
        assert case.assignee
        member = await tx.first(DeskMember, DeskMember.c.person_id == case.holder, DeskMember.c.active)
        minutes = (await settings_now(case, tx)).act_within.of(case.priority)
        if member and minutes and case.assignee.since >= member.created_at:
            due = taken_back_at(start, minutes, member.hours)
    if due != case.idle_at:
        case.idle_at = due
        if due:
            tx.set_timer(case, IDLE, due)
        else:
            tx.cancel_timer(case, IDLE)


async def take_back(case: CaseFile, tx: Transaction, _detail: str) -> None:
    """The timer: looked at again, since a shift or the numbers may be others by now."""
    await watch_idleness(case, tx)
    if case.idle_at is None:
        return
    if case.idle_at > tx.now:
        tx.set_timer(case, IDLE, case.idle_at)
        return
    assert case.assignee
    assert case.priority
    await end_proposal(case, "overtaken", tx)
    proposal = Proposal(
        id=new_id(),
        case_id=case.id,
        queue=case.queue,
        previous_person_id=case.holder,
        why="not_acted",
        priority=case.priority,
        considered=[],
        proposed_at=tx.now,
    )
    tx.add(proposal)
    case.idle_at, case.proposed = None, Proposed(id=proposal.id, counted_from=counted_from(case))
    tx.emit(
        AssigneeProposed(
            proposal_id=proposal.id,
            case_id=case.id,
            queue=case.queue,
            previous_person_id=case.holder,
            assigned_at=case.assignee.since,
            idle_since=idle_since(case.facts, case.assignee),
            why="not_acted",
            proposed_at=tx.now,
        )
    )

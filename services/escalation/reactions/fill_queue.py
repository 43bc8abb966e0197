"""Cases that wait in an automatic queue are given to who is there: proposed, by one transaction at a time for all queues."""

from datetime import datetime, timedelta
from uuid import UUID

from libs.events.escalation import AssigneeProposed
from libs.store import Transaction
from libs.store.ids import new_id
from services.escalation.model.case_file import LAPSE, CaseFile, Proposed
from services.escalation.model.desk_member import Candidate, DeskMember, Need, choose
from services.escalation.model.proposal import FILL, LINE, Considered, Outcome, Proposal, WaitingLine, considered
from services.escalation.model.settings import policies
from services.escalation.queries.desk import candidates, members_of, waiting_in

_DECISION = timedelta(minutes=1)
"""So long it is waited for what entitlements says of the product: it says which skill is needed."""
_ANSWER = timedelta(minutes=5)
"""So long cases has to do what is proposed; then somebody else is."""
_AGAIN = timedelta(seconds=1)


async def look_at(queue: str | None, tx: Transaction) -> None:
    """The queue is filled at once, if it is an automatic one: something waits in it, or somebody may be free for it."""
    if queue and not tx.rebuilding and queue in (await policies.at(tx)).automatic_queues:
        if await tx.find(WaitingLine, LINE) is None:
            await tx.claim([WaitingLine(id=LINE)])
        tx.set_timer(WaitingLine(id=LINE), f"{FILL}:{queue}", tx.now)


async def look_for(person_id: UUID | None, tx: Transaction) -> None:
    """The same of all queues of somebody who may be free for more."""
    if tx.rebuilding or person_id is None or not (await policies.at(tx)).automatic_queues:
        return
    if member := await tx.first(DeskMember, DeskMember.c.person_id == person_id):
        for queue in member.queues:
            await look_at(queue, tx)


async def fill(_line: WaitingLine, tx: Transaction, queue: str) -> None:
    """The timer. Chooses for each case, and locks the chosen ones alone, none of which is waited for: whoever holds a case may wait
    for this very timer."""
    settings = await policies.at(tx)
    if queue not in settings.automatic_queues:
        return
    await tx.flush()
    desk = await candidates(await members_of(queue, tx), settings, tx)
    looks, chosen = list[datetime | None](), dict[UUID, tuple[Need, Candidate, list[Considered]]]()
    for case in await waiting_in(queue, settings, tx):
        if not case.decided and tx.now < case.queued_at + _DECISION:
            looks.append(case.queued_at + _DECISION)
            continue
        if who := choose(case.need, desk, tx.now):
            chosen[case.id] = case.need, who, considered(case.need, desk, tx.now)
            who.give(case.need.weight, tx.now)
        else:
            looks += [each.here_next(tx.now) for each in desk]
    free = {each.id: each for each in await tx.lock_available(CaseFile, [*chosen])}
    for id, (need, who, all_of_them) in chosen.items():
        if id not in free:
            looks.append(tx.now + _AGAIN)
        elif free[id].waits_for_somebody and free[id].queue == queue:
            propose(free[id], who.member.person_id, need, all_of_them, tx)
    if when := min((each for each in looks if each), default=None):
        tx.set_timer(WaitingLine(id=LINE), f"{FILL}:{queue}", max(when, tx.now + _AGAIN))


def propose(case: CaseFile, person_id: UUID, need: Need, desk: list[Considered], tx: Transaction) -> None:
    """Needs the case locked. What comes of it is heard."""
    assert case.priority
    proposal = Proposal(
        id=new_id(),
        case_id=case.id,
        queue=need.queue,
        person_id=person_id,
        why="skill_and_load",
        priority=case.priority,
        considered=desk,
        proposed_at=tx.now,
    )
    tx.add(proposal)
    case.proposed = Proposed(id=proposal.id, person_id=person_id)
    tx.set_timer(case, LAPSE, tx.now + _ANSWER)
    tx.emit(
        AssigneeProposed(
            proposal_id=proposal.id,
            case_id=case.id,
            person_id=person_id,
            queue=need.queue,
            why="skill_and_load",
            proposed_at=tx.now,
        )
    )


async def end_proposal(case: CaseFile, outcome: Outcome, tx: Transaction) -> None:
    """What was on its way is answered, or is not waited for any more."""
    if case.proposed is None:
        return
    if proposal := await tx.find(Proposal, case.proposed.id, lock=True):
        proposal.end(outcome, tx.now)
    case.proposed = None
    tx.cancel_timer(case, LAPSE)


async def lapse(case: CaseFile, tx: Transaction, _detail: str) -> None:
    """The timer: cases did not take whom we proposed, so somebody else is."""
    if case.proposed is None or case.proposed.person_id is None:
        return
    case.passed_over = [*case.passed_over, case.proposed.person_id]
    await end_proposal(case, "lapsed", tx)
    await look_at(case.queue, tx)

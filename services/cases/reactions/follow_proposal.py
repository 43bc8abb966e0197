"""Escalation chose somebody for a case, or found that who has it does not act: what comes of it is decided here, by how the case is now."""

from uuid import UUID

from libs.bus.replicas import hold
from libs.events.escalation import AssigneeProposed
from libs.kit.auth import ENGINEERS
from libs.store import Transaction
from services.cases.model.actor import SYSTEM
from services.cases.model.case import Case
from services.cases.model.lifecycle import WORKABLE
from services.cases.model.people import KnownPerson
from services.cases.model.queue import Choice
from services.cases.model.wording import say
from services.cases.queries.acts import has_acted
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.heard import heard
from services.cases.reactions.pass_on import give
from services.cases.reactions.publish_note import note_of
from services.cases.reactions.route_case import active_queues, put_in_queue, route

_CHOSEN = "by skill, queue and load"
_NOT_ACTED = "whoever had it did not act in time"


async def follow_proposal(event: AssigneeProposed, tx: Transaction) -> None:
    """Nothing where somebody was quicker: escalation hears of that by itself, as of all that becomes of a case."""
    if (found := await heard(event, tx)) is None:
        return
    case, _ = found
    if event.person_id:
        if case.untaken and case.queue == event.queue and await _takes_cases(event.person_id, tx):
            await _give(case, event.person_id, tx)
    elif await _is_left_lying(case, event, tx):
        await _put_back(case, tx)


async def _takes_cases(person_id: UUID, tx: Transaction) -> bool:
    """Who leaves from now on waits for this transaction, and finds the case. Who is not known here yet is proposed again."""
    await hold([KnownPerson], tx)
    person = await tx.find(KnownPerson, person_id)
    return bool(person and not person.gone and person.active and ENGINEERS & {*(person.roles or ())})


async def _give(case: Case, person_id: UUID, tx: Transaction) -> None:
    note_of(case, tx, say("given_by_itself", case.language), SYSTEM)
    give(case, person_id, _CHOSEN, SYSTEM, tx)
    case.take_up()
    await act_on(case, tx, at=tx.now, by=SYSTEM.by, reason="assigned")


async def _is_left_lying(case: Case, event: AssigneeProposed, tx: Transaction) -> bool:
    """Whether it is theirs still, since then, waits for nobody else, and they have not acted while the proposal was on its way."""
    who, since = event.previous_person_id, event.idle_since
    if who is None or since is None or case.assignee != who or case.assigned_at not in (None, event.assigned_at):
        return False
    return case.state in WORKABLE and not case.standing_waits and not await has_acted(case, who, since, tx)


async def _put_back(case: Case, tx: Transaction) -> None:
    """Into its queue while that is on duty, else to the one that is."""
    previous, case.assignee = case.assignee, None
    own = next((each for each in await active_queues(tx) if each.code == case.queue and each.on_duty(tx.now)), None)
    if own:
        choice = Choice(own.code, own.shift, own.shift_ends(tx.now), _NOT_ACTED)
        put_in_queue(case, tx, choice, SYSTEM.by, _NOT_ACTED, previous)
    else:
        await route(case, tx, SYSTEM.by, why=_NOT_ACTED, previous_assignee=previous)
    note_of(case, tx, say("taken_back", case.language, queue=case.queue or ""), SYSTEM)

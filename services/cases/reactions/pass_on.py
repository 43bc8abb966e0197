"""Who has a case leaves us: the case is the successor's from then on."""

from collections.abc import Sequence
from uuid import UUID

import sqlalchemy as sa

from libs.events.cases import CaseAssigned
from libs.kit.people import successor_of
from libs.store import Transaction
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.case import PASS_ON, Case
from services.cases.model.people import KnownPerson
from services.cases.model.wording import say
from services.cases.reactions.publish_note import note_of
from services.cases.reactions.route_case import route

_OVER = ("closed", "cancelled")
_BECAUSE = "whoever had it has left"


async def pass_on_later(ids: Sequence[UUID], tx: Transaction) -> None:
    """People are other than before: each case of one who has left with a successor, or is forgotten, is passed on by a timer of its own."""
    left = sa.and_(KnownPerson.c.active.is_(False), KnownPerson.c.successor_id.is_not(None))
    gone = sa.select(KnownPerson.c.id).where(KnownPerson.c.id.in_(ids), sa.or_(left, KnownPerson.c.gone))
    theirs = Case.c.assignee.in_(gone)
    for case in await tx.select(Case, theirs, Case.c.state.not_in(_OVER)):
        tx.set_timer(case, PASS_ON, tx.now)


async def pass_on(case: Case, tx: Transaction, _detail: str) -> None:
    """To the successor; to that one's, where the successor has left too. Nothing begins anew, and the queue stays. Of who is forgotten
    no successor is known: the case is handed over to a queue."""
    previous = case.assignee
    if previous is None or case.state in _OVER:
        return
    if successor := await successor_of(KnownPerson, previous, tx):
        give(case, successor, _BECAUSE, SYSTEM, tx)
        return
    person = await tx.find(KnownPerson, previous)
    if person and person.gone:
        case.assignee = None
        note_of(case, tx, say("nobody_has_it", case.language), SYSTEM)
        await route(case, tx, SYSTEM.by, why=_BECAUSE, previous_assignee=previous)


def give(case: Case, person_id: UUID, reason: str | None, actor: Actor, tx: Transaction) -> None:
    """From now on it is this person's."""
    previous, case.assignee, case.assigned_at = case.assignee, person_id, tx.now
    tx.emit(
        CaseAssigned(
            case_id=case.id,
            assignee_id=person_id,
            previous_assignee_id=previous,
            queue=case.queue,
            reason=reason,
            **actor.facts(),
            assigned_at=tx.now,
        )
    )

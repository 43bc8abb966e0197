"""What support says first to a case of several units answers the case of each, where it is read too."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from libs.store import NotFound, Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.note import Note
from services.cases.queries.access import NOT_OVER
from services.cases.reactions.act_on_case import tell_first_response

ANSWERED = "answered"
"""Timer of a case, with the id of a note: the cases below it are answered by that."""
_AT_ONCE = 100
_AGAIN = timedelta(seconds=1)


def _unanswered(case: Case) -> sa.Select[tuple[UUID]]:
    mine = Case.c.parent_id == case.id, Case.c.first_response_at.is_(None), Case.c.state.in_(NOT_OVER)
    return sa.select(Case.c.id).where(*mine).order_by(Case.c.id)


async def answer_children(case: Case, note: Note, tx: Transaction) -> None:
    """The case has just been answered by this note. Its children are locked by a timer, and none of them while the case is."""
    if await tx.fetch(_unanswered(case).limit(1)):
        tx.set_timer(case, f"{ANSWERED}:{note.id}", tx.now)


async def children_answered(case: Case, tx: Transaction, note_id: str) -> None:
    note = await tx.find(Note, UUID(note_id))
    if note is None:
        raise NotFound("note", UUID(note_id))
    ids = [row["id"] for row in await tx.fetch(_unanswered(case).limit(_AT_ONCE))]
    locked = await tx.lock_available(Case, ids)
    for child in locked:
        tell_first_response(child, tx, Actor(note.by, note.by_role, None), note.id)
    if len(locked) < len(ids) or len(ids) == _AT_ONCE:
        # Somebody else holds one, or there are more.
        tx.set_timer(case, f"{ANSWERED}:{note_id}", tx.now + _AGAIN)

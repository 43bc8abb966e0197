"""What is told to all below a case stands in each of them: some at a time, and only those that nobody else holds."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from libs.kit.forgetting import may_be_named
from libs.store import Transaction
from libs.store.ids import derived
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.incident import below
from services.cases.model.note import Note
from services.cases.model.people import KnownPerson
from services.cases.queries.access import HEARING
from services.cases.reactions.act_on_case import tell_first_response
from services.cases.reactions.publish_note import publish

TELL = "tell"
"""Timer of a case, with a note and after which case: that note is told to those below."""
AT_ONCE = 100
"""Cases that one transaction tells."""
AGAIN = timedelta(seconds=1)


def those_below(case: Case) -> sa.ColumnElement[bool]:
    """They read what is written to them."""
    return sa.and_(below(case), Case.c.state.in_(HEARING))


async def tell_children(case: Case, tx: Transaction, detail: str) -> None:
    """In the order of their ids. Each has its copy under an id of its own, so whoever has it is not told twice."""
    note_id, _, after = detail.partition(":")
    note = await Note.get(UUID(note_id), tx)
    if note.redacted:
        return
    further = Case.c.id > (UUID(after) if after else UUID(int=0))
    wanted = sa.select(Case.c.id).where(those_below(case), further).order_by(Case.c.id).limit(AT_ONCE)
    ids = [row["id"] for row in await tx.fetch(wanted)]
    _, _, writer = note.by.partition(":")
    named = await may_be_named(tx, (KnownPerson, UUID(writer)))
    locked = await tx.lock_available(Case, ids)
    there = await tx.find_many(Note, [_copy_id(note, child) for child in locked])
    for child, copy in zip(locked, there, strict=True):
        if copy is None and child.state in HEARING:
            _tell(note, child, tx, author=note.author_name if named else None)
    if len(locked) < len(ids):
        # Somebody else holds one: these once more.
        tx.set_timer(case, f"{TELL}:{detail}", tx.now + AGAIN)
    if len(ids) == AT_ONCE:
        tx.set_timer(case, f"{TELL}:{note_id}:{ids[-1]}", tx.now)


def _copy_id(note: Note, child: Case) -> UUID:
    return derived(note.id, str(child.id))


def _tell(note: Note, child: Case, tx: Transaction, *, author: str | None) -> None:
    copy = Note(
        id=_copy_id(note, child),
        account_id=child.account_id,
        case_id=child.id,
        origin=note.origin,
        visibility=note.visibility,
        text=note.text,
        language=note.language,
        author_name=author,
        by=note.by,
        by_role=note.by_role,
        attachment_ids=[],
        copy_of=note.id,
        added_at=tx.now,
    )
    publish(copy, child, tx)
    if copy.visibility == "public":
        tell_first_response(child, tx, Actor(note.by, note.by_role, None), copy.id)

"""Notes and files that a split has copied: of one text there are several rows then, and what goes from one goes from all of them."""

from uuid import UUID

import sqlalchemy as sa

from libs.events.values import RedactedText
from libs.store import Transaction
from services.cases.model.attachment import Attachment
from services.cases.model.case import Case
from services.cases.model.note import Note

COPIED: dict[RedactedText, type[Note] | type[Attachment]] = {"note": Note, "file": Attachment}
"""What there may be copies of, by what a redaction calls it."""


async def copies_of(row: Note | Attachment, tx: Transaction) -> list[tuple[UUID, UUID]]:
    """All that say what this one says, without it: case and id, by their ids."""
    c, first = type(row).c, row.repeats or row.id
    same = sa.select(c.case_id, c.id).where(c.id != row.id, sa.or_(c.id == first, c.repeats == first))
    return [(record["case_id"], record["id"]) for record in await tx.fetch(same.order_by(c.id))]


async def lock_all_with(
    case_id: UUID, tx: Transaction, *, what: RedactedText, text_id: UUID | None, source_id: UUID | None
) -> None:
    """The case, and whichever has a copy of this text of it (or of what its notes tell of this foreign fact), in the order of their ids.

    A copy that was made until the last of them was locked is found too.
    """
    locked = set[UUID]()
    while missing := {case_id, *await _holders(case_id, tx, what, text_id, source_id)} - locked:
        await tx.find_many(Case, sorted(missing), lock=True)
        locked |= missing


async def _holders(
    case_id: UUID, tx: Transaction, what: RedactedText, text_id: UUID | None, source_id: UUID | None
) -> set[UUID]:
    if what == "fact":
        its = sa.and_(Note.c.case_id == case_id, Note.c.source_id == source_id)
    elif what in COPIED and text_id:
        its = COPIED[what].c.id == text_id
    else:
        return set()
    c = COPIED.get(what, Note).c
    firsts = [
        row["first"] for row in await tx.fetch(sa.select(sa.func.coalesce(c.repeats, c.id).label("first")).where(its))
    ]
    same = sa.select(c.case_id).where(sa.or_(c.id.in_(firsts), c.repeats.in_(firsts)))
    return {row["case_id"] for row in await tx.fetch(same)} if firsts else set()

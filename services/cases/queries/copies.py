"""Notes and files that a split has copied, and what one request said of several units: what goes from one case goes from all that have it."""

from uuid import UUID

import sqlalchemy as sa

from libs.events.values import RedactedText
from libs.store import Transaction
from services.cases.model.attachment import Attachment
from services.cases.model.case import Case
from services.cases.model.note import Note

COPIED: dict[RedactedText, type[Note] | type[Attachment]] = {"note": Note, "file": Attachment}
"""What there may be copies of, by what a redaction calls it."""


async def elsewhere(case: Case, what: RedactedText, text_id: UUID | None, tx: Transaction) -> list[tuple[UUID, UUID]]:
    """All that say what this text of the case says, without it: case and id, by their ids."""
    if what == "description":
        return [(each.id, each.id) for each in await _that_say_the_same(case, tx)]
    row = await tx.find(COPIED[what], text_id) if what in COPIED and text_id else None
    if row is None:
        return []
    c, first = type(row).c, row.repeats or row.id
    same = sa.select(c.case_id, c.id).where(c.id != row.id, sa.or_(c.id == first, c.repeats == first))
    return [(record["case_id"], record["id"]) for record in await tx.fetch(same.order_by(c.id))]


async def _that_say_the_same(case: Case, tx: Transaction) -> list[Case]:
    """Of the cases that one request for several units has opened, those whose descriptions have words of this one's, older ones too."""
    opened = (Case.c.account_id == case.account_id, Case.c.opened_at == case.opened_at, Case.c.id != case.id)
    together = await tx.select(Case, *opened, order_by=(Case.c.id,), lock=True)
    return [each for each in together if _parents(each) & _parents(case) and _described(each) & _described(case)]


def _parents(case: Case) -> set[UUID]:
    """It and those below which it stands or stood: a unit may have left the case of its request."""
    return {id for id in (case.id, case.parent_id, *(each.old.parent_id for each in case.corrections)) if id}


def _described(case: Case) -> set[str]:
    return {case.description, *(each.description for each in case.corrections if each.description)}


async def lock_all_with(
    case_id: UUID, tx: Transaction, *, what: RedactedText, text_id: UUID | None, source_id: UUID | None
) -> None:
    """The case, and whichever may have a copy of this text of it (or of what its notes tell of this foreign fact), in the order of their ids.

    A copy that was made until the last of them was locked is found too.
    """
    locked = set[UUID]()
    while missing := {case_id, *await _holders(case_id, tx, what, text_id, source_id)} - locked:
        await tx.find_many(Case, sorted(missing), lock=True)
        locked |= missing


async def _holders(
    case_id: UUID, tx: Transaction, what: RedactedText, text_id: UUID | None, source_id: UUID | None
) -> set[UUID]:
    if what == "description":
        this = sa.select(Case.c.account_id, Case.c.opened_at).where(Case.c.id == case_id)
        together = sa.select(Case.c.id).where(sa.tuple_(Case.c.account_id, Case.c.opened_at).in_(this))
        return {row["id"] for row in await tx.fetch(together)}
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

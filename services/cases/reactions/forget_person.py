"""One of our own people was erased: what is kept of them where they opened a case or wrote, and their own views."""

from libs.events.gateway import PersonErased
from libs.kit.forgetting import acted_as
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.note import Note
from services.cases.model.view import View, take_away


async def forget_person(event: PersonErased, tx: Transaction) -> None:
    """Names as they were kept then. Words of notes and descriptions go by redaction."""
    theirs = acted_as(event.person_id)
    named = Case.c.contact_id.is_(None), Case.c.reporter_name.is_not(None)
    for case in await tx.select(Case, Case.c.opened_by.in_(theirs), *named, lock=True):
        case.reporter_name = None
    for note in await tx.select(Note, Note.c.by.in_(theirs), Note.c.author_name.is_not(None), lock=True):
        note.author_name = None
    for view in await tx.select(View, View.c.owner == event.person_id, lock=True):
        if not view.is_shared:
            take_away(view, tx)

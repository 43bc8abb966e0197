"""Notes go into a case and out to whoever listens; the system writes one where a foreign fact has something to say."""

from datetime import datetime

from libs.events.cases_work import InternalNoteAdded, NoteAdded
from libs.events.values import NoteOrigin, NoteVisibility
from libs.store import Transaction
from libs.store.ids import derived, new_id
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.case import Case
from services.cases.model.note import Note
from services.cases.reactions.heard import cause_of


def publish(note: Note, case: Case, tx: Transaction) -> None:
    """Keeps it and tells it, to the staff alone when it is internal; of a customer's, whom it is for."""
    tx.add(note)
    if note.visibility == "public":
        tx.emit(NoteAdded(**note.facts(), assignee_id=case.assignee if note.origin == "customer" else None))
    else:
        tx.emit(InternalNoteAdded(**note.facts()))


def note_fact(
    case: Case,
    tx: Transaction,
    text: str,
    *,
    at: datetime,
    origin: NoteOrigin = "system",
    author: str | None = SYSTEM.name,
) -> None:
    """Tells a foreign fact in the case, once for each event, also when the case is over."""
    cause = cause_of(tx)
    note = Note(
        id=derived(cause.event_id, "note"),
        account_id=case.account_id,
        case_id=case.id,
        origin=origin,
        visibility="public",
        text=text,
        language=case.language if origin == "system" else None,
        author_name=author,
        by=cause.actor,
        by_role="system",
        attachment_ids=[],
        source_id=cause.event_id,
        added_at=at,
    )
    publish(note, case, tx)


def note_of(case: Case, tx: Transaction, text: str, actor: Actor, visibility: NoteVisibility = "internal") -> None:
    """A note by one of us, by the customer, or by the system, which writes in the case's language."""
    note = Note(
        id=new_id(),
        account_id=case.account_id,
        case_id=case.id,
        origin="system" if actor is SYSTEM else actor.origin,
        visibility=visibility,
        text=text,
        language=case.language if actor is SYSTEM else None,
        author_name=actor.name,
        **actor.facts(),
        attachment_ids=[],
        added_at=tx.now,
    )
    publish(note, case, tx)

"""Notes: appended by people, and by the system where a foreign fact has something to say to them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from libs.events.cases_work import FirstResponseSent
from libs.events.values import Language, NoteOrigin, NoteVisibility
from libs.kit.auth import CASE_WRITERS
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Forbidden, Unprocessable
from libs.store import Transaction
from libs.store.ids import derived, new_id
from services.cases.model.actor import Actor
from services.cases.model.attachment import Attachment
from services.cases.model.case import Case
from services.cases.model.note import Note
from services.cases.queries.access import case_for
from services.cases.queries.answers import NoteOut
from services.cases.use_cases.settle_case import cause_of, settle

router = Router(tags=["cases"])


class NoSuchAttachment(Unprocessable):
    """A note names files of its own case."""


class AddNote(Command):
    text: Text
    visibility: NoteVisibility = "public"
    language: Language | None = None
    attachment_ids: list[UUID] = Field(default_factory=list, max_length=20)


async def add_note(case: Case, cmd: AddNote, actor: Actor, tx: Transaction) -> Note:
    """A customer's note ends what we wait for from the customer; support's first public one is the first response."""
    case.permit("notes")
    files = await tx.find_many(Attachment, cmd.attachment_ids)
    missing = [
        id for id, file in zip(cmd.attachment_ids, files, strict=True) if file is None or file.case_id != case.id
    ]
    if missing:
        raise NoSuchAttachment("This case has no such attachment.", missing=[str(id) for id in missing])
    note = Note(
        id=new_id(), account_id=case.account_id, case_id=case.id, origin=actor.origin, visibility=cmd.visibility, text=cmd.text,
        language=cmd.language, author_name=actor.name, by=actor.by, by_role=actor.role, attachment_ids=cmd.attachment_ids,
        added_at=tx.now,
    )  # fmt: skip
    publish(note, tx)
    if note.origin == "support" and note.visibility == "public" and case.first_response_at is None:
        case.first_response_at = tx.now
        seconds = int((tx.now - case.opened_at).total_seconds())
        tx.emit(
            FirstResponseSent(
                case_id=case.id, note_id=note.id, response_seconds=max(seconds, 0), by=actor.by, sent_at=tx.now
            )
        )
    if note.origin == "customer":
        waits = [w for w in case.waits if w.kind == "customer"]
        case.end_waits(waits, at=tx.now, by=actor.by, reason="the customer answered")
        await settle(case, tx, at=tx.now, by=actor.by, reason="the customer answered")
    return note


def note_fact(
    case: Case, tx: Transaction, text: str, *, at: datetime, origin: NoteOrigin = "system", author: str = "Poly+",
    visibility: NoteVisibility = "public",
) -> None:  # fmt: skip
    """Tells a foreign fact in the case, once for each event, also when the case is over."""
    cause = cause_of(tx)
    publish(
        Note(
            id=derived(cause.event_id, "note"), account_id=case.account_id, case_id=case.id, origin=origin,
            visibility=visibility, text=text, language=case.language if origin == "system" else None, author_name=author,
            by=cause.actor, by_role="system", attachment_ids=[], source_id=cause.event_id, added_at=at,
        ),
        tx,
    )  # fmt: skip


def publish(note: Note, tx: Transaction) -> None:
    tx.add(note)
    tx.emit(note.fact())


@router.post(
    "/v1/cases/{case_id}/notes",
    dependencies=[allow(*CASE_WRITERS)],
    status_code=201,
)
async def add_note_route(case_id: UUID, cmd: AddNote, tx: Tx, caller: Caller) -> NoteOut:
    if cmd.visibility == "internal" and not caller.staff:
        raise Forbidden("Internal notes are among ourselves.")
    case = await case_for(caller, case_id, tx, lock=True)
    return NoteOut.model_validate(await add_note(case, cmd, Actor.of(caller), tx))

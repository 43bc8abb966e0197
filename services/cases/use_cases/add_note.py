"""Notes that people append; a note of the system's is a reaction."""

from uuid import UUID

from pydantic import Field

from libs.events.values import Language, NoteVisibility
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Forbidden, Unprocessable
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import Actor
from services.cases.model.attachment import Attachment
from services.cases.model.case import CUSTOMER_WORD, Case
from services.cases.model.note import Note
from services.cases.model.policy import policies
from services.cases.model.thanks import only_thanks
from services.cases.queries.access import COMMANDS, case_that_hears
from services.cases.queries.answers import NoteOut, note_out
from services.cases.reactions.act_on_case import act_on, tell_first_response
from services.cases.reactions.answer_children import answer_children
from services.cases.reactions.publish_note import publish
from services.cases.reactions.who_acts import who_acts
from services.cases.use_cases.reopen_case import ReopenCase, reopen_case

router = Router(tags=["cases"])
_ANSWERED = "the customer answered"


class NoSuchAttachment(Unprocessable):
    """A note names files of its own case."""


class AddNote(Command):
    """Internal notes are for staff alone, and what staff write is internal unless they say otherwise. `attachment_ids` are files of the same case."""

    text: Text
    visibility: NoteVisibility | None = None
    language: Language | None = None
    attachment_ids: list[UUID] = Field(default_factory=list, max_length=20)


async def add_note(case: Case, cmd: AddNote, actor: Actor, tx: Transaction) -> Note:
    """Support's first public one is the first response. A customer's ends what we wait for from them, and reopens a resolved case.

    Raises NoSuchAttachment.
    """
    await _check_attachments(case, cmd.attachment_ids, tx)
    unless_said: NoteVisibility = "internal" if actor.origin == "support" else "public"
    note = Note(
        id=new_id(),
        account_id=case.account_id,
        case_id=case.id,
        origin=actor.origin,
        author_name=actor.name,
        **actor.facts(),
        **cmd.model_dump(exclude={"visibility"}),
        visibility=cmd.visibility or unless_said,
        added_at=tx.now,
    )
    publish(note, case, tx)
    by_us = note.origin == "support" and note.visibility == "public"
    if by_us and tell_first_response(case, tx, actor, note.id):
        await answer_children(case, note, tx)
    if note.origin == "customer":
        end_customers_waits(case, actor, tx)
        policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
        await _follow(case, actor, tx, said_more=not only_thanks(note.text, policy.thanks))
    return note


async def _follow(case: Case, actor: Actor, tx: Transaction, *, said_more: bool) -> None:
    """Thanks leave things as they are. Whoever has more to say of a case does not think that it is over."""
    if said_more and case.state == "resolved":
        await reopen_case(case, ReopenCase(reason=CUSTOMER_WORD), actor, tx)
        return
    if said_more:
        case.take_back_word()
    await act_on(case, tx, at=tx.now, by=actor.by, reason=_ANSWERED)


def end_customers_waits(case: Case, actor: Actor, tx: Transaction) -> None:
    """The customer has spoken: nothing is waited for from them."""
    waits = [w for w in case.waits if w.kind == "customer"]
    case.end_waits(waits, at=tx.now, by=actor.by, reason=_ANSWERED)


async def _check_attachments(case: Case, ids: list[UUID], tx: Transaction) -> None:
    files = await tx.find_many(Attachment, ids)
    missing = [str(id) for id, file in zip(ids, files, strict=True) if file is None or file.case_id != case.id]
    if missing:
        raise NoSuchAttachment("This case has no such attachment.", missing=missing)


@router.post(
    "/v1/cases/{case_id}/notes",
    dependencies=[allow(*COMMANDS.roles("notes"))],
    status_code=201,
)
async def add_note_route(case_id: UUID, cmd: AddNote, tx: Tx, caller: Caller) -> NoteOut:
    """Append a note; it cannot be changed. A customer's ends what we wait for from them, and reopens a resolved case unless it is thanks.

    One to a duplicate that was merged is the other case's, as `case_id` of the answer says.
    """
    if cmd.visibility == "internal" and not caller.staff:
        raise Forbidden("Internal notes are among ourselves.")
    actor = await who_acts(caller, tx)
    case = await case_that_hears(caller, case_id, tx, command="notes")
    return note_out(await add_note(case, cmd, actor, tx), caller)

"""A text or file that must go, as a password in a note, is taken out: here, and wherever else words of a case are kept."""

from dataclasses import dataclass, field
from typing import Any, Self, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import AwareDatetime, model_validator

from libs.bus.redaction import take_out_of_copies
from libs.events import read_as
from libs.events.cases_work import InternalTextRedacted, TextRedacted
from libs.events.catalogue import published
from libs.events.redaction import TYPED, Redaction
from libs.events.values import NoteVisibility, RedactedText
from libs.kit.fields import Reason, Text, Word
from libs.kit.forgetting import forget_answers_that_say
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.kit.taking_out import take_words_out
from libs.store import Transaction
from libs.store.ids import derived
from services.cases.model.actor import Actor
from services.cases.model.attachment import REMOVE, Attachment
from services.cases.model.case import Case
from services.cases.model.case_values import Redacted, Wait
from services.cases.model.diagnosis import Diagnosis
from services.cases.model.note import COPIES, Note
from services.cases.model.satisfaction import Satisfaction
from services.cases.model.time_entry import TimeEntry
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.queries.copies import elsewhere, lock_all_with
from services.cases.reactions.tell_children import AGAIN, AT_ONCE

router = Router(tags=["cases"])
T = TypeVar("T", Note, Diagnosis, Attachment, Satisfaction, TimeEntry)


class NoSuchText(Unprocessable):
    """What is taken out is a text or a file of this case."""


class WhichFact(Command):
    """An entry of the case's timeline, by three of its fields: its `id` is the `event_id`."""

    event_id: UUID
    type: Word
    time: AwareDatetime


class RedactText(Command):
    """A whole text or file. `text_id` is that of the note, the diagnosis, the file, the wait, the satisfaction or the time entry; a description and a resolution
    need none; with a description go those of all units of its request. What somebody typed elsewhere, as a reason, goes as a `fact`:
    the entry of the timeline that told it first. What it brought about says the words again, as the end of a replacement does, and
    goes with it.

    `replacement` is what everybody reads in its place, or as the name of the file.
    """

    what: RedactedText
    text_id: UUID | None = None
    fact: WhichFact | None = None
    reason: Reason
    replacement: Text | None = None

    @model_validator(mode="after")
    def _names_a_fact(self) -> Self:
        if (self.what == "fact") != (self.fact is not None):
            raise ValueError("a fact is named by fact, with event_id, type and time of its entry in the timeline")
        return self


@dataclass
class _Taken:
    """What was taken out by one command: places, and what they said."""

    redaction: Redaction
    visibility: NoteVisibility = "public"
    texts: set[str] = field(default_factory=set)

    def take(self, holder: Any, name: str, redacted: Redacted, *, mark: str = "redacted") -> None:
        """The text of this name; nothing where it says what it shall say already."""
        said = getattr(holder, name)
        if said is not None and said != self.redaction.instead:
            self.texts.add(said)
            setattr(holder, name, self.redaction.instead)
            setattr(holder, mark, redacted)


async def redact_text(case: Case, cmd: RedactText, actor: Actor, tx: Transaction) -> None:
    """Taken out twice is taken out once; what several cases have, from each, whichever was named. Raises NoSuchText."""
    redacted = Redacted(at=tx.now, by=actor.by, reason=cmd.reason)
    if cmd.fact:
        await _redact_fact(case, cmd, cmd.fact, actor, tx)
        return
    others = await elsewhere(case, cmd.what, cmd.text_id, tx)
    await _redact_text(case, cmd.text_id, cmd, redacted, actor, tx)
    for other_id, id in others:
        other = await Case.get(other_id, tx, lock=True)
        await _redact_text(other, id, cmd, redacted, actor, tx)


async def _redact_text(
    case: Case, text_id: UUID | None, cmd: RedactText, redacted: Redacted, actor: Actor, tx: Transaction
) -> None:
    redaction = Redaction(what=cmd.what, id=text_id or case.id, replacement=cmd.replacement)
    taken = [await _take(case, _Taken(redaction), redacted, tx)]
    texts = taken[0].texts
    for wait in [w for w in case.waits if cmd.what == "note" and _repeats(w, taken[0])]:
        again = _Taken(redaction.model_copy(update={"what": "wait", "id": wait.id, "source_id": None}))
        again.take(wait, "note", redacted)
        taken.append(again)
        texts |= again.texts
    for correction in [c for c in case.corrections if cmd.what == "description" and "description" in c.what]:
        again = _Taken(redaction.model_copy(update={"id": correction.id}))
        again.take(correction, "description", redacted)
        taken.append(again)
        texts |= again.texts
    if not texts:
        return
    case.take_out(texts, redaction.instead)
    for each in taken:
        event = TextRedacted if each.visibility == "public" else InternalTextRedacted
        told = each.redaction.model_dump()
        tx.emit(event(case_id=case.id, **told, reason=cmd.reason, **actor.facts(), redacted_at=tx.now))
        await take_out_of_copies(case.id, each.redaction, tx)
    await forget_answers_that_say(texts, [case.id, *(each.redaction.id for each in taken)], tx)


async def _redact_fact(case: Case, cmd: RedactText, fact: WhichFact, actor: Actor, tx: Transaction) -> None:
    """Of whichever service: what it says about its case is found by its id, what stands in rows by its instant too. Where a note of the
    case told it again, that goes with it."""
    named = published().get(read_as(fact.type))
    if named is None or named.contract.name not in TYPED or "case_id" not in named.model_fields:
        raise NoSuchText(f"Of a case, nobody types anything in {fact.type}.", fact_type=fact.type)
    redaction = Redaction(what="fact", id=fact.event_id, said_at=fact.time, replacement=cmd.replacement)
    event = TextRedacted if named.contract.visibility == "public" else InternalTextRedacted
    told = event(case_id=case.id, **redaction.model_dump(), reason=cmd.reason, **actor.facts(), redacted_at=tx.now)
    await take_words_out(told, tx, rows=[case])
    tx.emit(told)
    its = (Diagnosis.c.case_id == case.id, Diagnosis.c.withdrawn_at == fact.time)
    for diagnosis in await tx.select(Diagnosis, *its, lock=True):
        diagnosis.withdrawn_because = redaction.instead
    for note in await tx.select(Note, Note.c.case_id == case.id, Note.c.source_id == fact.event_id, lock=True):
        again = cmd.model_copy(update={"what": "note", "text_id": note.id, "fact": None})
        await redact_text(case, again, actor, tx)


async def _take(case: Case, taken: _Taken, redacted: Redacted, tx: Transaction) -> _Taken:
    id = taken.redaction.id
    match taken.redaction.what:
        case "note":
            note = await _of_case(Note, id, case, tx)
            taken.visibility = note.visibility
            taken.redaction = taken.redaction.model_copy(update={"source_id": note.source_id})
            taken.take(note, "text", redacted)
            if taken.texts and await tx.fetch(sa.select(Note.c.id).where(Note.c.copy_of == note.id).limit(1)):
                tx.set_timer(note, COPIES, tx.now)
        case "finding":
            taken.take(await _of_case(Diagnosis, id, case, tx), "findings", redacted)
        case "file":
            file = await _of_case(Attachment, id, case, tx)
            taken.visibility = file.visibility
            _empty(file, taken, redacted, tx)
        case "satisfaction":
            taken.take(await _of_case(Satisfaction, id, case, tx), "words", redacted)
        case "time_entry":
            taken.visibility = "internal"
            taken.take(await _of_case(TimeEntry, id, case, tx), "words", redacted)
        case "wait":
            wait = next((w for w in case.waits if w.id == id), None)
            if wait is None:
                raise _nothing(case, "wait", id)
            taken.take(wait, "note", redacted)
        case "description":
            _take_of_case(case, taken)
            taken.take(case, "description", redacted, mark="description_redacted")
        case "resolution":
            _take_of_case(case, taken)
            # Those before the case was reopened stand in its history alone.
            taken.texts |= {c.reason for c in case.history if c.state == "resolved"} - {taken.redaction.instead}
            if case.resolution:
                taken.take(case.resolution, "text", redacted)
    return taken


def _take_of_case(case: Case, taken: _Taken) -> None:
    if taken.redaction.id != case.id:
        raise _nothing(case, taken.redaction.what, taken.redaction.id)


async def _of_case(cls: type[T], id: UUID, case: Case, tx: Transaction) -> T:
    found = await cls.find(id, tx, lock=True)
    if found is None or found.case_id != case.id:
        raise _nothing(case, cls.__name__.lower(), id)
    return found


def _nothing(case: Case, what: str, id: UUID) -> NoSuchText:
    return NoSuchText(f"{case.number} has no {what} {id}.", text_id=str(id))


def _empty(file: Attachment, taken: _Taken, redacted: Redacted, tx: Transaction) -> None:
    """Its bytes go once this is committed."""
    if file.sha256:
        taken.texts.add(file.sha256)
        tx.set_timer(file, f"{REMOVE}:{file.sha256}", tx.now)
        file.sha256, file.size = "", 0
    taken.take(file, "file_name", redacted)


def _repeats(wait: Wait, taken: _Taken) -> bool:
    """A note that asks the customer stands on the wait too; so does what a foreign fact that began one says."""
    if wait.note in taken.texts:
        return True
    source = taken.redaction.source_id
    return source is not None and wait.id == derived(source, "wait")


async def redact_copies(note: Note, tx: Transaction, _detail: str) -> None:
    """A note that was told to all below its case was taken out: what stands in it by now stands in each copy. Some at a time, in cases that
    nobody else holds."""
    assert note.redacted
    others = sa.select(Note.c.id, Note.c.case_id).where(Note.c.copy_of == note.id, Note.c.text != note.text)
    left = {row["case_id"]: row["id"] for row in await tx.fetch(others.order_by(Note.c.id).limit(AT_ONCE))}
    locked = await tx.lock_available(Case, [*left])
    role, _, _ = note.redacted.by.partition(":")
    actor = Actor(note.redacted.by, "admin" if role == "admin" else "manager", None)
    for case in locked:
        out = RedactText(what="note", text_id=left[case.id], reason=note.redacted.reason, replacement=note.text or None)
        await redact_text(case, out, actor, tx)
    if len(locked) < len(left) or len(left) == AT_ONCE:
        tx.set_timer(note, COPIES, tx.now + AGAIN)


@router.post("/v1/cases/{case_id}/redact", dependencies=[allow(*COMMANDS.roles("redact"))])
async def redact_text_route(case_id: UUID, cmd: RedactText, tx: Tx, caller: Caller) -> CaseOut:
    """Take a whole text or file out, older values too, here and wherever words of the case are kept; in every state of the case."""
    fact_id = cmd.fact.event_id if cmd.fact else None
    await lock_all_with(case_id, tx, what=cmd.what, text_id=cmd.text_id, source_id=fact_id)
    case = await case_for(caller, case_id, tx, command="redact")
    await redact_text(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)

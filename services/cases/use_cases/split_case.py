"""One case is two: something else that was said in it goes on by itself, with what was said and sent of it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Self, TypeVar
from uuid import UUID

from fastapi import Response
from pydantic import Field, model_validator

from libs.bus.replicas import hold
from libs.events.cases import CaseSplit
from libs.events.values import Impact, Severity
from libs.kit.fields import ProductNumber, Reason, Serial, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.attachment import Attachment
from services.cases.model.case import Case
from services.cases.model.note import Note
from services.cases.model.people import KnownContact, KnownPerson
from services.cases.model.policy import policies
from services.cases.model.request import Request
from services.cases.model.wording import say
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.publish_note import note_of, publish
from services.cases.reactions.take_request import take_request

router = Router(tags=["cases"])
T = TypeVar("T", Note, Attachment)
Chosen = Annotated[list[UUID], Field(default_factory=list, max_length=200)]


class NothingToCopy(Unprocessable):
    """What is copied with a split are notes and files of the case that were not taken out; `missing` are others."""


class WhichUnit(Unprocessable):
    """The case that is split names no unit: say which one the new case is about, or why none."""


class SplitCase(Command):
    """What goes on by itself, in words of its own, and why. What is left out is as in the case that is split: the unit, what the
    customer said of impact and severity, and always account, site, contact and language. `note_ids` and `attachment_ids` are copied;
    the files that a note names go with it."""

    description: Text
    reason: Reason
    observed_impact: Impact | None = None
    severity: Severity | None = None
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    no_product_reason: Text | None = None
    note_ids: Chosen
    attachment_ids: Chosen

    @model_validator(mode="after")
    def _is_a_whole_unit(self) -> Self:
        if (self.product_number is None) != (self.serial is None):
            raise ValueError("give product_number and serial together")
        return self


async def split_case(case: Case, cmd: SplitCase, actor: Actor, tx: Transaction) -> Case:
    """The case is locked, and stays as it is. Raises NothingToCopy and WhichUnit."""
    notes = await _chosen(Note, case, cmd.note_ids, tx)
    named = [id for note in notes for id in note.attachment_ids]
    files = await _chosen(Attachment, case, cmd.attachment_ids, tx)
    files += await tx.select(
        Attachment,
        Attachment.c.case_id == case.id,
        Attachment.c.id.in_([id for id in named if id not in cmd.attachment_ids]),
        Attachment.c.redacted.is_(None),
    )
    severity = cmd.severity or case.customer_severity
    policy = await policies.at(tx, severity=severity)
    new = await take_request(_request(case, cmd, severity), policy, actor, tx)
    copies = {file.id: tx.add(_copy(file, new)) for file in files}
    for note in sorted(notes, key=lambda note: (note.added_at, note.id)):
        ids = [copies[id].id for id in note.attachment_ids if id in copies]
        publish(_copy(note, new, attachment_ids=ids, source_id=None), new, tx)
    note_of(case, tx, say("split_into", case.language, number=new.number), SYSTEM, "public")
    note_of(new, tx, say("split_from", case.language, number=case.number), SYSTEM, "public")
    tx.emit(CaseSplit(case_id=case.id, into=new.id, reason=cmd.reason, **actor.facts(), split_at=tx.now))
    return new


async def _chosen(cls: type[T], case: Case, ids: Sequence[UUID], tx: Transaction) -> list[T]:
    """In the order of their ids, each once. Raises NothingToCopy."""
    wanted: list[UUID] = sorted({*ids})
    there: list[T | None] = await tx.find_many(cls, wanted)
    found = [each for each in there if each and each.case_id == case.id and not each.redacted]
    if missing := {*wanted} - {each.id for each in found}:
        raise NothingToCopy("The case has no such note or file.", missing=sorted(map(str, missing)))
    return found


def _copy(row: T, into: Case, **other: Any) -> T:
    """As it was said or sent, by whom and when. What goes from the one goes from the other (`queries/copies.py`)."""
    first = row.repeats or row.id
    return replace(row, id=new_id(), version=0, revision=0, case_id=into.id, repeats=first, **other)


def _request(case: Case, cmd: SplitCase, severity: Severity) -> Request:
    """Nobody is named by name: who is asked, is by their id. Raises WhichUnit."""
    unit: dict[str, Any] = cmd.model_dump(include={"product_number", "serial", "no_product_reason"})
    if not any(unit.values()):
        if not case.serial:
            raise WhichUnit("Say product_number and serial, or no_product_reason.", field="product_number")
        unit = {"product_number": case.product_number, "serial": case.serial, "family": case.family}
    return Request(
        id=new_id(),
        account_id=case.account_id,
        channel=case.channel,
        reporter_name=None,
        description=cmd.description,
        observed_impact=cmd.observed_impact or case.observed_impact,
        severity=severity,
        language=case.language,
        contact_id=case.contact_id,
        # Of another unit the decision knows where it stands.
        site_id=None if cmd.serial else case.site_id,
        split_from=case.id,
        **unit,
    )


@router.post("/v1/cases/{case_id}/split", dependencies=[allow(*COMMANDS.roles("split"))], status_code=201)
async def split_case_route(case_id: UUID, cmd: SplitCase, tx: Tx, caller: Caller, response: Response) -> CaseOut:
    """Let something else that was said in this case go on as a case of its own, with these notes and files of it; the answer is the new one.

    It has its own number, cover, queue and clocks. Diagnoses, waits, parts and visits stay.
    """
    # Before anything is locked: who is erased from now on waits, and is found where a copy names them.
    await hold([KnownContact, KnownPerson], tx)
    case = await case_for(caller, case_id, tx, command="split")
    new = await split_case(case, cmd, Actor.of(caller), tx)
    response.headers["location"] = f"/v1/cases/{new.id}"
    return await case_out(new, caller, tx)

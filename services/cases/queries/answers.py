"""How cases and what belongs to them look from outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from libs.events.cases import ExternalIdentifier
from libs.events.values import (
    Channel,
    Confidence,
    Domain,
    Impact,
    Language,
    NoteOrigin,
    NoteVisibility,
    Priority,
    Remedy,
    Role,
    Severity,
)
from libs.events.values import Wait as WaitKind
from libs.kit.auth import Principal
from libs.kit.listing import Out
from libs.kit.people import NamedPerson
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.case_values import (
    Cancellation,
    Change,
    Correction,
    Coverage,
    Handover,
    PartnerRequest,
    Redacted,
    Resolution,
    Workaround,
)
from services.cases.model.codes import Code
from services.cases.model.due import Due
from services.cases.model.lifecycle import CaseState, Command
from services.cases.model.note import Note
from services.cases.model.people import KnownPerson
from services.cases.queries.access import COMMANDS
from services.cases.queries.codes import in_words
from services.cases.queries.for_partners import names_in_case, names_in_note


class WaitOut(Out):
    id: UUID
    kind: WaitKind
    cause_id: UUID | None
    note: str | None
    since: datetime
    by: str
    ended_at: datetime | None
    ended_by: str | None
    end_reason: str | None
    reminded: int
    redacted: Redacted | None


class CaseSummary(Out):
    """One line of a board."""

    id: UUID
    number: str
    account_id: UUID
    state: CaseState
    severity: Severity
    priority: Priority
    product_number: str | None
    serial: str | None
    family: str | None
    site_id: UUID | None
    opened_at: datetime
    updated_at: datetime
    queue: str | None
    assignee: NamedPerson | None
    expected_resolution_at: datetime | None
    problem_id: UUID | None
    parent_id: UUID | None
    incident_id: UUID | None = Field(description="for staff: the case of the mass incident that it is part of")
    answer_by: datetime | None = Field(description="when our next word to the customer is due")
    next_due: Due | None = Field(description="for staff: what is due first, and when; null while every clock rests")


class CaseOut(CaseSummary):
    possible: list[Command]
    channel: Channel
    description: str
    observed_impact: Impact
    customer_severity: Severity
    no_product_reason: str | None
    contact_id: UUID | None
    reporter_name: str | None
    language: Language
    opened_by: str
    coverage: Coverage
    external_identifiers: list[ExternalIdentifier]
    alert_id: UUID | None
    follow_up_of: UUID | None
    duplicate_of: list[UUID]
    merged_into: UUID | None
    split_from: UUID | None
    first_opened_at: datetime | None
    shift: str | None
    first_response_at: datetime | None
    waits: list[WaitOut]
    workarounds: list[Workaround]
    partner_requests: list[PartnerRequest]
    proposed_resolution: str | None
    resolution: Resolution | None
    resolved_at: datetime | None
    closes_at: datetime | None
    closed_at: datetime | None
    closing_code: Code | None
    tags: list[Code] = Field(description="for staff; empty for others")
    cancellation: Cancellation | None
    epoch: int
    history: list[Change]
    queue_history: list[Handover]
    description_redacted: Redacted | None
    corrections: list[Correction]


class CaseDetail(CaseOut):
    """One case with its relatives."""

    children: list[UUID]
    children_states: dict[CaseState, int]
    """How many of them are in each state."""
    incident_states: dict[CaseState, int]
    """For staff: how many cases are part of it, in each state, of whatever account."""
    duplicates: list[UUID]
    """Likely ones, whichever came first."""
    merged: list[UUID]
    """Those that were merged into this one."""
    split_into: list[UUID]
    """Those that go on with a part of this one."""
    minutes_spent: int | None = Field(description="for staff: the time entries that were not withdrawn")


async def fields_out(case: Case, caller: Principal, tx: Transaction) -> dict[str, Any]:
    """What `CaseOut` and its kin are made of."""
    code = await in_words("closing_codes", case.closing_code, tx) if case.closing_code else None
    return {
        **await _line_of(case, caller, tx),
        "possible": COMMANDS.possible(caller.role, case),
        "closing_code": code,
        "tags": [await in_words("tags", tag, tx) for tag in case.tags if caller.staff],
    }


async def case_out(case: Case, caller: Principal, tx: Transaction) -> CaseOut:
    return CaseOut.model_validate(await fields_out(case, caller, tx))


async def case_line(case: Case, caller: Principal, tx: Transaction) -> CaseSummary:
    """As one line of a board."""
    return CaseSummary.model_validate(await _line_of(case, caller, tx))


async def _line_of(case: Case, caller: Principal, tx: Transaction) -> dict[str, Any]:
    due = {"answer_by": case.answer_by, "next_due": case.next_due if caller.staff else None}
    incident_id = case.incident_id if caller.staff else None
    return {
        **case.__dict__,
        **due,
        "incident_id": incident_id,
        "assignee": await _assignee(case, tx),
        **names_in_case(case, caller),
    }


async def assignees(cases: Sequence[Case], tx: Transaction) -> None:
    """Reads those of all of these at once."""
    await tx.find_many(KnownPerson, [case.assignee for case in cases if case.assignee])


async def _assignee(case: Case, tx: Transaction) -> NamedPerson | None:
    if case.assignee is None:
        return None
    person = await tx.find(KnownPerson, case.assignee)
    return NamedPerson.of(case.assignee, {person.id: person} if person else {})


class DiagnosisOut(Out):
    id: UUID
    case_id: UUID
    component: str
    fault_code: str
    domain: Domain
    remedy: Remedy
    part_number: str | None
    whole_unit: bool
    partner_id: UUID | None
    findings: str
    confidence: Confidence
    diagnosed_by: str
    diagnosed_at: datetime
    stands: bool
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawn_because: str | None
    redacted: Redacted | None


class NoteOut(Out):
    id: UUID
    case_id: UUID
    origin: NoteOrigin
    visibility: NoteVisibility
    text: str
    language: Language | None
    author_name: str | None
    by: str
    by_role: Role
    attachment_ids: list[UUID]
    source_id: UUID | None
    copy_of: UUID | None = Field(description="for staff: the note that was told to this case among others")
    repeats: UUID | None = Field(description="the note of the case of which this one was split")
    added_at: datetime
    redacted: Redacted | None


def note_out(note: Note, caller: Principal) -> NoteOut:
    """As this caller reads it."""
    copy_of = note.copy_of if caller.staff else None
    return NoteOut.model_validate({**note.__dict__, "copy_of": copy_of, **names_in_note(note, caller)})


class AttachmentOut(Out):
    id: UUID
    case_id: UUID
    file_name: str
    content_type: str
    size: int
    sha256: str
    visibility: NoteVisibility
    repeats: UUID | None
    by: str
    added_at: datetime
    redacted: Redacted | None

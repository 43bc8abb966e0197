"""What cases publishes about the work on a request: notes, diagnoses, problems, the wish for a partner's ticket."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.events.base import Event, drop, since
from libs.events.labels import ProductNumber
from libs.events.values import (
    Confidence,
    CountryCode,
    Domain,
    Impact,
    Instant,
    Language,
    NoteOrigin,
    RedactedText,
    Remedy,
    Role,
    Seconds,
    Severity,
    Value,
)


class FirstResponseSent(Event, type="polyplus.cases.first-response-sent", visibility="public", subject="case_id"):
    """An engineer's first public note, or else the explanation with which they resolved it, answered the customer (S1, S4)."""

    case_id: UUID
    note_id: UUID | None = None  # None: the resolution was the first that the customer heard
    response_seconds: Seconds  # since the case opened
    by: str
    sent_at: Instant


class NoteAdded(Event, type="polyplus.cases.note-added", version=2, visibility="public", subject="case_id"):
    """A note that the customer reads, also one that came from the partner or the technician (S8, S18)."""

    case_id: UUID
    note_id: UUID
    origin: NoteOrigin
    text: str
    language: Language | None = None
    attachment_ids: list[UUID] = []
    source_id: UUID | None = None  # the foreign fact that it tells again; it is never sent back there
    repeats: UUID | None = None  # the note of another case that it repeats, as it was said there and then
    assignee_id: UUID | None = None  # of a customer's note: who has the case
    by: str
    by_role: Role
    added_at: Instant


since(NoteAdded, 2, drop("author_name"))


class InternalNoteAdded(
    Event, type="polyplus.cases.internal-note-added", version=2, visibility="internal", subject="case_id"
):
    """A note among ourselves, which no customer, partner or integrator ever sees (S23)."""

    case_id: UUID
    note_id: UUID
    origin: NoteOrigin
    text: str
    language: Language | None = None
    attachment_ids: list[UUID] = []
    source_id: UUID | None = None
    repeats: UUID | None = None
    by: str
    by_role: Role
    added_at: Instant


since(InternalNoteAdded, 2, drop("author_name"))


class TagsChanged(Event, type="polyplus.cases.tags-changed", visibility="internal", subject="case_id"):
    """What we sort the case under among ourselves; codes of the list that managers keep (S23)."""

    case_id: UUID
    tags: list[str]  # all that it has now
    added: list[str] = []
    removed: list[str] = []
    by: str
    by_role: Role
    changed_at: Instant


class FaultDiagnosed(Event, type="polyplus.cases.fault-diagnosed", visibility="public", subject="case_id"):
    """An engineer found what is wrong and what will cure it; it stands until withdrawn, beside others (S2, S5, S26)."""

    case_id: UUID
    diagnosis_id: UUID
    component: str
    fault_code: str
    domain: Domain
    remedy: Remedy
    part_number: str | None = None
    whole_unit: bool = False
    partner_id: UUID | None = None
    findings: str
    confidence: Confidence
    diagnosed_by: str
    diagnosed_at: Instant


class DiagnosisWithdrawn(Event, type="polyplus.cases.diagnosis-withdrawn", visibility="public", subject="case_id"):
    """A diagnosis no longer stands: what has not shipped or begun for it stops, the rest goes on (S2, S26)."""

    case_id: UUID
    diagnosis_id: UUID
    reason: str
    by: str
    withdrawn_at: Instant


class WorkaroundProvided(Event, type="polyplus.cases.workaround-provided", visibility="public", subject="case_id"):
    """The customer was given a workaround or a fix, and why it is the appropriate response is on record (S25)."""

    case_id: UUID
    kind: Literal["workaround", "fix"] = "workaround"
    text: str
    fix_release: str | None = None
    problem_id: UUID | None = None  # where it was published for all of the problem's cases
    diagnosis_id: UUID | None = None
    appropriate_because: str
    by: str
    provided_at: Instant


class ProblemLinked(Event, type="polyplus.cases.problem-linked", visibility="public", subject="case_id"):
    """The case is one of a known problem's; carries what could be told to its customer at that moment (S25)."""

    case_id: UUID
    problem_id: UUID
    number: str
    symptom: str
    workaround: str | None = None
    fix_release: str | None = None
    by: str
    linked_at: Instant


class ProblemUnlinked(Event, type="polyplus.cases.problem-unlinked", visibility="public", subject="case_id"):
    """The case is none of that problem's after all; what is found for the problem is told to it no more (S25)."""

    case_id: UUID
    problem_id: UUID
    number: str
    reason: str
    by: str
    by_role: Role
    unlinked_at: Instant


class ProblemUpdated(Event, type="polyplus.cases.problem-updated", visibility="internal", subject="problem_id"):
    """What is known of a problem shared by many cases of many accounts; each case is told by an event of its own (S25)."""

    problem_id: UUID
    number: str
    status: Literal["open", "known_error", "fixed", "closed"]
    family: str | None = None
    firmware: str | None = None
    affected_from: str | None = None  # the first release that has it
    symptom: str
    root_cause: str | None = None
    workaround: str | None = None
    fix_release: str | None = None
    response: Literal["undecided", "fix", "workaround", "none"] = "undecided"
    response_reason: str | None = None  # why that is the appropriate response
    by: str
    updated_at: Instant


class CaseJoinedIncident(Event, type="polyplus.cases.case-joined-incident", visibility="internal", subject="case_id"):
    """The case is one of a mass incident's, which is a case of whatever account: its customer is told nothing of that (S25)."""

    case_id: UUID
    incident_id: UUID
    announcement_id: UUID | None = None  # by which the customer came to it
    by: str
    by_role: Role
    joined_at: Instant


class CaseLeftIncident(Event, type="polyplus.cases.case-left-incident", visibility="internal", subject="case_id"):
    """The case is none of the mass incident's: what is told to all of that is told to it no more (S25)."""

    case_id: UUID
    incident_id: UUID
    reason: str
    by: str
    by_role: Role
    left_at: Instant


class InBothLanguages(Value):
    """The same text."""

    vi: str
    en: str


class AnnouncementUpdated(
    Event, type="polyplus.cases.announcement-updated", visibility="internal", subject="announcement_id"
):
    """What is announced of trouble that many have, to whom, and from when until when (S25)."""

    announcement_id: UUID
    title: InBothLanguages
    text: InBothLanguages
    product_numbers: list[ProductNumber] = []
    families: list[str] = []
    countries: list[CountryCode] = []
    partner_ids: list[UUID] = []
    problem_id: UUID | None = None
    case_id: UUID | None = None  # the incident, which may be any account's case
    observed_impact: Impact
    severity: Severity
    starts_at: Instant
    ends_at: Instant | None = None
    by: str
    updated_at: Instant


class PartnerTicketRequested(
    Event, type="polyplus.cases.partner-ticket-requested", version=2, visibility="public", subject="case_id"
):
    """The customer asked for a ticket with the cloud partner, and did or did not consent to our sharing the case (S6, S7)."""

    case_id: UUID
    request_id: UUID
    partner_id: UUID
    consent: bool
    contact_id: UUID | None = None  # whose consent it is, where that is a contact
    message: str | None = None  # the customer's own words for the partner
    by: str
    by_role: Role
    requested_at: Instant


since(PartnerTicketRequested, 2, drop("consent_given_by"))


FollowedBecause = Literal["asked", "merged", "shift_ended", "gone"]
"""Somebody said so; what they followed was merged; a shift ended that they had it in; they may read the case no more."""


class FollowersChanged(Event, type="polyplus.cases.followers-changed", visibility="public", subject="case_id"):
    """Contacts of the account are told what becomes of the case from now on, or are not any more (S18)."""

    case_id: UUID
    added: list[UUID] = []  # contacts, here and below
    removed: list[UUID] = []
    reason: FollowedBecause
    by: str
    by_role: Role
    changed_at: Instant


class InternalFollowersChanged(
    Event, type="polyplus.cases.internal-followers-changed", visibility="internal", subject="case_id"
):
    """The same of our own people: who of us watches a case is no customer's business (S18, S23)."""

    case_id: UUID
    added: list[UUID] = []  # persons, here and below
    removed: list[UUID] = []
    reason: FollowedBecause
    by: str
    by_role: Role
    changed_at: Instant


class PartnerConsentWithdrawn(
    Event, type="polyplus.cases.partner-consent-withdrawn", visibility="public", subject="case_id"
):
    """The customer had consented to our sharing the case with the cloud partner, and does no more (S6)."""

    case_id: UUID
    partner_id: UUID
    message: str | None = None  # the customer's own words, for us alone
    by: str
    by_role: Role
    withdrawn_at: Instant


class SatisfactionGiven(Event, type="polyplus.cases.satisfaction-given", visibility="public", subject="case_id"):
    """The customer said how content they are with how a case was worked; the newest word on an epoch counts (S18)."""

    case_id: UUID
    satisfaction_id: UUID
    epoch: int  # which resolution it is about
    score: Annotated[int, Field(ge=1, le=5)]  # 5 is best
    previous_score: int | None = None  # where they changed it
    words: str | None = None
    queue: str | None = None  # in which the case stood
    by: str
    by_role: Role
    given_at: Instant


class TextRedacted(Event, type="polyplus.cases.text-redacted", visibility="public", subject="case_id"):
    """A whole text or file of the case was taken out; whoever keeps it, older values too, keeps what stands instead (S18)."""

    case_id: UUID
    what: RedactedText
    id: UUID  # of the note, diagnosis, file, wait or fact; of a description or resolution the case's
    source_id: UUID | None = None  # the foreign fact that a note told again; its texts go too
    said_at: Instant | None = None  # of a fact: its time; what it said stands in rows of that instant too
    replacement: str | None = None  # None: nothing stands instead
    reason: str
    by: str
    by_role: Role
    redacted_at: Instant


class InternalTextRedacted(
    Event, type="polyplus.cases.internal-text-redacted", visibility="internal", subject="case_id"
):
    """The same of a text or file that only we could see (S23)."""

    case_id: UUID
    what: RedactedText
    id: UUID
    source_id: UUID | None = None
    said_at: Instant | None = None
    replacement: str | None = None
    reason: str
    by: str
    by_role: Role
    redacted_at: Instant

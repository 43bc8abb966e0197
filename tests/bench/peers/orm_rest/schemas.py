"""What comes in, what goes out, what is told."""

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Severity = Literal["critical", "major", "moderate", "minor"]
Impact = Literal["down", "degraded", "intermittent"]
Language = Literal["vi", "en"]
Channel = Literal["portal", "api", "email", "device", "partner", "phone"]


class ExternalId(BaseModel):
    owner: Line
    id: Line


class OpenCase(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    description: Text
    observed_impact: Impact
    severity: Severity
    language: Language
    product_number: Line | None = None
    serial: Line | None = None
    no_product_reason: Text | None = None
    firmware: Line | None = None
    account_id: UUID | None = None
    contact_id: UUID | None = None
    reporter_name: Line | None = None
    site_id: UUID | None = None
    channel: Channel | None = None
    external_identifiers: list[ExternalId] = Field(default_factory=list, max_length=20)

    @model_validator(mode="after")
    def about_something(self) -> Self:
        if self.no_product_reason is None and not (self.product_number and self.serial):
            raise ValueError("give product_number and serial, or no_product_reason")
        return self


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class StateChange(Out):
    state: str
    at: datetime
    by: str
    reason: str


class Handover(Out):
    queue: str
    shift: str | None
    reason: str
    by: str
    at: datetime


class Coverage(Out):
    status: str = "pending"
    reason: str | None = None
    revision: int = 0
    plan: str | None = None
    onsite: bool = False
    overridden: bool = False
    decided_at: datetime | None = None
    override: dict[str, Any] | None = None
    unknown: list[str] = []
    contact_id: UUID | None = None
    region: str | None = None
    time_zone: str | None = None


class KnownError(Out):
    id: UUID
    number: str
    status: str
    family: str | None
    product_numbers: list[str]
    firmware: str | None
    affected_from: str | None
    symptom: str
    workaround: str | None
    fix_release: str | None
    updated_at: datetime


class OpenedCase(Out):
    id: UUID
    number: str
    account_id: UUID
    state: str
    possible: list[str]
    channel: Channel
    description: str
    observed_impact: Impact
    customer_severity: Severity
    severity: Severity
    priority: str
    product_number: str | None
    serial: str | None
    no_product_reason: str | None
    family: str | None
    site_id: UUID | None
    contact_id: UUID | None
    reporter_name: str
    language: Language
    opened_at: datetime
    updated_at: datetime
    opened_by: str
    coverage: Coverage
    external_identifiers: list[ExternalId]
    alert_id: UUID | None
    parent_id: UUID | None
    follow_up_of: UUID | None
    duplicate_of: list[UUID]
    queue: str | None
    shift: str | None
    assignee: dict[str, Any] | None
    first_response_at: datetime | None
    expected_resolution_at: datetime | None
    problem_id: UUID | None
    waits: list[dict[str, Any]]
    workarounds: list[dict[str, Any]]
    partner_requests: list[dict[str, Any]]
    proposed_resolution: str | None
    resolution: dict[str, Any] | None
    resolved_at: datetime | None
    closes_at: datetime | None
    closed_at: datetime | None
    cancellation: dict[str, Any] | None
    epoch: int
    history: list[StateChange]
    queue_history: list[Handover]
    description_redacted: dict[str, Any] | None
    corrections: list[dict[str, Any]]
    merged_into: UUID | None
    first_opened_at: datetime | None
    answer_by: datetime | None = None
    next_due: dict[str, Any] | None = None
    incident_id: UUID | None = None
    split_from: UUID | None = None
    closing_code: dict[str, Any] | None = None
    tags: list[dict[str, Any]] = []
    announcements: list[dict[str, Any]] = []
    units: list[dict[str, Any]] = []
    known_errors: list[KnownError] = []


class CaseOpened(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    case_id: UUID
    number: str
    account_id: UUID
    contact_id: UUID | None
    channel: Channel
    description: str
    observed_impact: Impact
    severity: Severity
    priority: str
    product_number: str | None
    serial: str | None
    no_product_reason: str | None
    site_id: UUID | None
    language: Language
    opened_at: AwareDatetime
    parent_id: UUID | None
    follow_up_of: UUID | None
    split_from: UUID | None = None
    duplicate_of: list[UUID]
    alert_id: UUID | None
    external_identifiers: list[ExternalId]
    by: str
    by_role: str


class CaseRouted(BaseModel):
    case_id: UUID
    queue: str
    previous_queue: str | None = None
    previous_assignee_id: UUID | None = None
    shift: str | None = None
    reason: str
    by: str
    routed_at: AwareDatetime


def spoken(serial: str | None, text: str) -> list[str]:
    """What cases are found by: the serial as one word, then each word of the text as it is typed and without diacritics."""
    typed = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).lower())
    return list(
        dict.fromkeys(
            [*([f"#{serial.lower()}"] if serial else []), *(form for word in typed for form in (word, fold(word)))]
        )
    )


def fold(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """The distinct words of a text without case and diacritics: what known errors are found by."""
    return sorted(set(re.findall(r"[^\W_]{2,}", fold(text))))

"""A request as any channel brings it."""

from dataclasses import dataclass, field
from uuid import UUID

from libs.events.cases import ExternalIdentifier
from libs.events.values import Channel, Impact, Language, Severity


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a case is made of; each field is the case's own of that name. The severity is the customer's."""

    id: UUID
    account_id: UUID
    channel: Channel
    reporter_name: str | None
    description: str
    observed_impact: Impact
    severity: Severity
    language: Language
    product_number: str | None = None
    serial: str | None = None
    no_product_reason: str | None = None
    family: str | None = None
    contact_id: UUID | None = None
    site_id: UUID | None = None
    alert_id: UUID | None = None
    parent_id: UUID | None = None
    follow_up_of: UUID | None = None
    split_from: UUID | None = None
    external_identifiers: list[ExternalIdentifier] = field(default_factory=list)

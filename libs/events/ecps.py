"""What ecps publishes: our work with cloud partners on the customer's behalf. Joint calls: ecps_calls.py."""

from typing import Literal
from uuid import UUID

from libs.events.base import Event, drop, since
from libs.events.values import Instant, Language, PartnerContact, Role, Seconds

NotOpenable = Literal["no_agreement", "not_approved", "not_permitted", "no_consent", "partner_rejected", "unreachable"]
EngagementState = Literal["opened", "in_progress", "information_required", "resolved", "closed"]


class PartnerEngagementRequested(
    Event, type="polyplus.ecps.partner-engagement-requested", visibility="public", subject="engagement_id"
):
    """The fault lies with or is related to the partner's environment and the customer asked: we take it to them (S5, S6)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    number: str
    partner_id: UUID
    partner_name: str
    again: bool = False  # after an agreement, consent or permission had been missing
    requested_at: Instant


class PartnerTicketOpened(
    Event, type="polyplus.ecps.partner-ticket-opened", visibility="public", subject="engagement_id"
):
    """The partner has a ticket, and this is its number (S4, S5, S6)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID
    partner_name: str
    ticket_number: str
    ticket_url: str | None = None
    our_reference: str
    agreement_reference: str | None = None
    response_seconds: Seconds  # ours, since the customer asked
    partner_response_due: Instant | None = None
    opened_at: Instant


class PartnerTicketNotOpenable(
    Event, type="polyplus.ecps.partner-ticket-not-openable", visibility="public", subject="engagement_id"
):
    """No ticket with the partner, why, and whom the customer can turn to; it is tried again when what lacks arrives (S7, S9)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID
    partner_name: str
    reason: NotOpenable
    explanation: str
    partner_contact: PartnerContact | None = None
    decided_at: Instant


class FindingsShared(Event, type="polyplus.ecps.findings-shared", visibility="public", subject="engagement_id"):
    """The customer has our findings, with the partner's ticket number or else the partner's contact (S6, S9)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    findings_id: UUID
    partner_id: UUID
    partner_name: str
    language: Language
    summary: str
    pdf_url: str
    json_url: str
    ticket_number: str | None = None
    partner_contact: PartnerContact | None = None
    shared_at: Instant


class PartnerTicketUpdated(
    Event, type="polyplus.ecps.partner-ticket-updated", version=2, visibility="public", subject="engagement_id"
):
    """News from the partner's side, relayed to the customer; their state as they call it, ours where we know it (S8)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    update_id: UUID
    partner_id: UUID
    partner_name: str
    ticket_number: str
    state: EngagementState | None = None
    partner_state: str | None = None
    text: str | None = None
    occurred_at: Instant


since(PartnerTicketUpdated, 2, drop("author"))


class PartnerInformationRequired(
    Event, type="polyplus.ecps.partner-information-required", visibility="public", subject="engagement_id"
):
    """The partner waits for something that we or the customer have to tell (S8)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    update_id: UUID
    partner_id: UUID
    partner_name: str
    ticket_number: str
    needed: str
    needed_by: Instant | None = None
    required_at: Instant


class PartnerSilent(
    Event, type="polyplus.ecps.partner-silent", version=2, visibility="internal", subject="engagement_id"
):
    """The partner's response time passed without a word; their next level was called, where one was left (S4, S8, S10)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID
    partner_name: str
    ticket_number: str | None = None
    response_due: Instant
    last_heard_at: Instant | None = None
    level: int  # of their escalation procedure, from 1; the same as before when none is left
    silent_at: Instant


since(PartnerSilent, 2, drop("called"))


class PartnerCredentialsRefused(
    Event, type="polyplus.ecps.partner-credentials-refused", visibility="internal", subject="partner_id"
):
    """A partner's system does not let us in: what we have to tell it waits until our credentials are mended (S6, S8)."""

    partner_id: UUID
    partner_name: str
    refused_at: Instant


class PartnerTicketResolved(
    Event, type="polyplus.ecps.partner-ticket-resolved", visibility="public", subject="engagement_id"
):
    """The partner says it is solved (S4, S8)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID
    partner_name: str
    ticket_number: str
    resolution: str
    partner_response_seconds: Seconds | None = None  # until their first answer
    partner_resolution_seconds: Seconds | None = None
    resolved_at: Instant


class PartnerTicketMissing(
    Event, type="polyplus.ecps.partner-ticket-missing", visibility="public", subject="engagement_id"
):
    """The partner gave a number and has no such ticket, however often it was looked for: another one is opened (S6, S8)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID
    partner_name: str
    ticket_number: str
    missing_at: Instant


class PartnerTicketReopened(
    Event, type="polyplus.ecps.partner-ticket-reopened", visibility="public", subject="engagement_id"
):
    """The partner works again on a ticket that it had resolved or closed: it is open for us too (S8)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    update_id: UUID
    partner_id: UUID
    partner_name: str
    ticket_number: str
    partner_state: str | None = None
    text: str | None = None
    reopened_at: Instant


class PartnerTicketClosed(
    Event, type="polyplus.ecps.partner-ticket-closed", visibility="public", subject="engagement_id"
):
    """The partner's ticket is closed; nothing more comes from there (S8)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID
    ticket_number: str
    reason: str | None = None
    closed_at: Instant


class PartnerTicketWithdrawn(
    Event, type="polyplus.ecps.partner-ticket-withdrawn", visibility="public", subject="engagement_id"
):
    """We took the matter back from the partner, or gave up asking (S8)."""

    engagement_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    partner_id: UUID
    ticket_number: str | None = None
    reason: str
    by: str
    by_role: Role
    withdrawn_at: Instant

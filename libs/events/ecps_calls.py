"""What ecps publishes about joint calls with a partner and the customer; a call needs no ticket."""

from typing import Literal
from uuid import UUID

from libs.events.base import Event
from libs.events.values import CallAction, Instant, Role, Seconds, TimeZone, Value, Window


class CallParticipant(Value):
    side: Literal["customer", "partner", "support"]
    name: str
    email: str | None = None


class JointCallRequested(Event, type="polyplus.ecps.joint-call-requested", visibility="public", subject="call_id"):
    """Somebody asked us to join the partner on a call (S10)."""

    call_id: UUID
    case_id: UUID
    engagement_id: UUID | None = None
    diagnosis_id: UUID | None = None
    partner_id: UUID
    partner_name: str
    purpose: str
    proposed: list[Window] = []
    by: str
    by_role: Role
    requested_at: Instant


class JointCallScheduled(Event, type="polyplus.ecps.joint-call-scheduled", visibility="public", subject="call_id"):
    """The call has a time; told again with a higher sequence when it moves, as iCalendar counts (S10)."""

    call_id: UUID
    case_id: UUID
    engagement_id: UUID | None = None
    diagnosis_id: UUID | None = None
    partner_id: UUID
    partner_name: str
    window: Window
    time_zone: TimeZone  # the customer's
    join_url: str | None = None
    calendar_url: str | None = None
    sequence: int = 0
    level: int | None = None  # of the partner's escalation procedure
    participants: list[CallParticipant]
    by: str
    scheduled_at: Instant


class JointCallHeld(Event, type="polyplus.ecps.joint-call-held", visibility="public", subject="call_id"):
    """The call took place; its outcome and who does what are on record (S10)."""

    call_id: UUID
    case_id: UUID
    engagement_id: UUID | None = None
    diagnosis_id: UUID | None = None
    partner_id: UUID
    partner_name: str
    outcome: str
    actions: list[CallAction] = []
    duration_seconds: Seconds | None = None
    by: str
    held_at: Instant

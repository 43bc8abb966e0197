"""What ecps publishes about joint calls with a partner and the customer; a call needs no ticket."""

from datetime import date
from typing import Any, Literal, get_args
from uuid import UUID

from libs.events.base import Event, drop, since
from libs.events.state import State
from libs.events.values import Instant, Role, Seconds, TimeZone, Value, Window

CallSide = Literal["customer", "partner", "support"]


class AgreedAction(Value):
    """What somebody undertook: a side, or a contact or person by id. None: somebody who has no id with us."""

    what: str
    owner: CallSide | UUID | None = None
    due: date | None = None


class Participant(Value):
    """Who joins a call: a contact or a person of ours, of whom the id says all, or somebody who has no id with us."""

    side: CallSide
    contact_id: UUID | None = None
    person_id: UUID | None = None
    name: str | None = None
    email: str | None = None


class JointCallState(State, type="polyplus.ecps.joint-call.v1", topic="ecps.people", key="call_id"):
    """Who joins a call, and by which link: null some weeks after it is over."""

    account_id: UUID
    participants: list[Participant]
    join_url: str | None = None


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


class JointCallScheduled(
    Event, type="polyplus.ecps.joint-call-scheduled", version=2, visibility="public", subject="call_id"
):
    """The call has a time; told again with a higher sequence when it moves, as iCalendar counts. Who takes part, and where, is in
    the invitation, which `calendar_url` shows to those who may read the call (S10).
    """

    call_id: UUID
    case_id: UUID
    engagement_id: UUID | None = None
    diagnosis_id: UUID | None = None
    partner_id: UUID
    partner_name: str
    window: Window
    time_zone: TimeZone  # the customer's
    calendar_url: str | None = None
    sequence: int = 0
    revision: int = 0  # of the record on ecps.people that says who joins, by which link
    level: int | None = None  # of the partner's escalation procedure
    by: str
    scheduled_at: Instant


since(JointCallScheduled, 2, drop("join_url", "participants"))


class JointCallCancelled(Event, type="polyplus.ecps.joint-call-cancelled", visibility="public", subject="call_id"):
    """The call does not take place; who was invited gets the invitation's next number, which takes it back (S10)."""

    call_id: UUID
    case_id: UUID
    engagement_id: UUID | None = None
    diagnosis_id: UUID | None = None
    partner_id: UUID
    partner_name: str
    window: Window | None = None  # the time that it had, if it had one
    calendar_url: str | None = None
    sequence: int | None = None
    reason: str
    by: str
    by_role: Role
    cancelled_at: Instant


class JointCallHeld(Event, type="polyplus.ecps.joint-call-held", version=2, visibility="public", subject="call_id"):
    """The call took place; its outcome and who does what are on record (S10)."""

    call_id: UUID
    case_id: UUID
    engagement_id: UUID | None = None
    diagnosis_id: UUID | None = None
    partner_id: UUID
    partner_name: str
    outcome: str
    actions: list[AgreedAction] = []
    duration_seconds: Seconds | None = None
    by: str
    held_at: Instant


def _sides_alone(data: dict[str, Any]) -> dict[str, Any]:
    """An owner was typed: a side stays, any other may be somebody's name."""
    sides, actions = get_args(CallSide), data.get("actions")
    if not isinstance(actions, list):
        return data
    kept = [each if isinstance(each, dict) and each.get("owner") in sides else drop("owner")(each) for each in actions]
    return {**data, "actions": kept}


since(JointCallHeld, 2, _sides_alone)

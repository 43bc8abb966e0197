"""A call with the partner and the customer; it needs no ticket (S10)."""

from datetime import datetime
from typing import Literal, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from libs.events.ecps_calls import CallParticipant
from libs.events.values import CallAction, Instant, TimeZone, Window
from libs.kit.states import StateMachine
from libs.store import Entity, Transaction

CallState = Literal["requested", "scheduled", "held", "cancelled"]
call_machine: StateMachine[CallState] = StateMachine(
    "The joint call",
    {
        "requested": {"scheduled", "cancelled"},
        "scheduled": {"scheduled", "held", "cancelled"},  # again: it moved
    },
    initial="requested",
)


class CallStep(BaseModel):
    """A change of state: who, when, why."""

    state: CallState
    at: Instant
    by: str
    reason: str


class CallIds(TypedDict):
    call_id: UUID
    case_id: UUID
    engagement_id: UUID | None
    diagnosis_id: UUID | None
    partner_id: UUID
    partner_name: str


class JointCall(
    Entity,
    table="joint_calls",
    indexes=(
        "case_id",
        ("created_at", "id"),
        ("account_id", "created_at", "id"),
        ("partner_id", "created_at", "id"),
        ("state", "created_at", "id"),
    ),
    unique=("number",),
):
    account_id: UUID
    number: str
    case_id: UUID
    engagement_id: UUID | None
    diagnosis_id: UUID | None
    partner_id: UUID
    partner_name: str
    state: CallState = "requested"
    purpose: str
    proposed: list[Window]
    window: Window | None = None
    time_zone: TimeZone
    join_url: str | None = None
    level: int | None = None
    participants: list[CallParticipant]
    sequence: int = -1  # of the invitation; iCalendar counts from 0
    outcome: str | None = None
    actions: list[CallAction]
    duration_seconds: int | None = None
    history: list[CallStep]
    created_at: datetime

    @property
    def ids(self) -> CallIds:
        """What every event of this call says."""
        return {
            "call_id": self.id, "case_id": self.case_id, "engagement_id": self.engagement_id,
            "diagnosis_id": self.diagnosis_id, "partner_id": self.partner_id, "partner_name": self.partner_name,
        }  # fmt: skip

    @property
    def calendar_path(self) -> str:
        return f"/v1/joint-calls/{self.id}/calendar.ics"

    def to(self, state: CallState, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
        """Goes on. Raises ForbiddenTransition."""
        call_machine.check(self.state, state)
        self.state = state
        step = CallStep(state=state, at=at or tx.now, by=tx.scope.actor, reason=reason)
        self.history = [*self.history, step]

    def invitation(self) -> bytes | None:
        """The iCalendar file (RFC 5545) with the times in the customer's zone; None before there is a time."""
        if self.window is None:
            return None
        import icalendar
        from icalendar.enums import STATUS

        off = self.state == "cancelled"
        event = icalendar.Event.new(
            uid=str(self.id), summary=f"{self.number}: {self.partner_name}", description=self.purpose, url=self.join_url,
            sequence=self.sequence, stamp=self.history[-1].at, status=STATUS.CANCELLED if off else STATUS.CONFIRMED,
            start=_in_zone(self.window.starts, self.time_zone), end=_in_zone(self.window.ends, self.time_zone),
            attendees=[
                icalendar.vCalAddress.new(p.email, cn=p.name, rsvp=True) for p in self.participants if p.email
            ],
        )  # fmt: skip
        calendar = icalendar.Calendar.new(
            prodid="-//Poly+//ecps//EN",
            method="CANCEL" if off else "REQUEST",
            subcomponents=[event],
        )
        calendar.add_missing_timezones()
        file: bytes = calendar.to_ical()
        return file


def _in_zone(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone))

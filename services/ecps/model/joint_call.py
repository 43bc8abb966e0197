"""A call with the partner and the customer; it needs no ticket (S10)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Literal, TypedDict, get_args
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from libs.events.ecps_calls import AgreedAction, CallSide, JointCallState, Participant
from libs.events.values import Instant, TimeZone, Window
from libs.kit.problems import Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity, Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import Engagement
from services.ecps.model.participant import CallParticipant, NamedParticipant
from services.ecps.model.partner import Partner

CallState = Literal["requested", "scheduled", "held", "cancelled"]
call_machine: StateMachine[CallState] = StateMachine(
    "The joint call",
    {
        "requested": {"scheduled", "cancelled"},
        # Scheduled again: it moved.
        "scheduled": {"scheduled", "held", "cancelled"},
    },
    initial="requested",
)


FORGET_PEOPLE = "forget_people"
"""Its timer: nobody needs to know any more who joined."""


class NotOfThisCase(Unprocessable):
    """The engagement is about another case or partner."""


class TimeIsPast(Unprocessable):
    """A call is agreed on for a time to come."""


class NoSuchParticipant(Unprocessable):
    """Who is named by an id is a contact of the account's, or a person who works here."""


class CallAction(BaseModel):
    """What was agreed, and who does it: a side, an id, or whoever was typed."""

    what: str
    owner: str
    due: date | None = None

    @property
    def owner_id(self) -> UUID | None:
        """None for a side, and for whoever was typed."""
        with suppress(ValueError):
            return UUID(self.owner)
        return None


class CallChange(BaseModel):
    """One entry of a call's history: the state it came to, when, by whom and why."""

    state: CallState
    at: Instant
    by: str
    reason: str


class CallFacts(TypedDict):
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
    """`level` is that of the partner's procedure who joins. `sequence` is the invitation's: iCalendar counts from 0."""

    tells = JointCallState

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
    sequence: int = -1
    outcome: str | None = None
    actions: list[CallAction]
    duration_seconds: int | None = None
    history: list[CallChange]
    created_at: datetime

    def facts(self) -> CallFacts:
        """What every event of this call says."""
        return {
            "call_id": self.id,
            "case_id": self.case_id,
            "engagement_id": self.engagement_id,
            "diagnosis_id": self.diagnosis_id,
            "partner_id": self.partner_id,
            "partner_name": self.partner_name,
        }

    def as_state(self) -> JointCallState | None:
        """Who joins, and by which link; None once that is forgotten."""
        if self.state != "requested" and not self.participants:
            return None
        participants = [Participant(**each.model_dump()) for each in self.participants]
        return JointCallState(account_id=self.account_id, participants=participants, join_url=self.join_url)

    @property
    def over_at(self) -> datetime | None:
        """When its time ends, or when it was held or cancelled before that. None before it has a time."""
        if self.window is None:
            return None
        return min(self.window.ends, self.history[-1].at) if self.state in ("held", "cancelled") else self.window.ends

    def forget_people(self) -> None:
        """Nobody stands here any more who joined, nor the link."""
        self.participants, self.join_url = [], None

    @property
    def names(self) -> set[UUID]:
        """The ids of those who join, and of those who undertook something; some may be nobody's."""
        ids = [*(each.id for each in self.participants), *(each.owner_id for each in self.actions)]
        return {id for id in ids if id}

    def agreed(self) -> list[AgreedAction]:
        """Its actions as events tell them, with sides and ids in the place of names."""
        return [AgreedAction(what=each.what, owner=self._owner(each), due=each.due) for each in self.actions]

    def _owner(self, action: CallAction) -> CallSide | UUID | None:
        sides: dict[str, CallSide] = {side: side for side in get_args(CallSide)}
        sides |= {each.name.casefold(): each.side for each in self.participants if each.name}
        sides[self.partner_name.casefold()] = "partner"
        return action.owner_id or sides.get(action.owner.casefold())

    @property
    def calendar_path(self) -> str:
        """Where the invitation is, below the public address."""
        return f"/v1/joint-calls/{self.id}/calendar.ics"

    def become(self, state: CallState, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
        """Goes to `state` and writes down why; `at` is now unless told. Raises ForbiddenTransition."""
        call_machine.check(self.state, state)
        self.state = state
        change = CallChange(state=state, at=at or tx.now, by=tx.scope.actor, reason=reason)
        self.history = [*self.history, change]

    def invitation(self, joining: Sequence[NamedParticipant], organizer: str) -> bytes | None:
        """The iCalendar file (RFC 5545, 5546) of this organiser's address, with the times in the customer's zone, for its participants as they are called now; None
        before there is a time."""
        if self.window is None:
            return None
        # Imported late: only who asks for an invitation pays for it.
        import icalendar
        from icalendar.enums import STATUS

        off = self.state == "cancelled"
        invited = [(each, each.attendee) for each in joining if each.attendee]
        event = icalendar.Event.new(
            uid=str(self.id),
            summary=f"{self.number}: {self.partner_name}",
            description=self.purpose,
            url=self.join_url,
            sequence=self.sequence,
            stamp=self.history[-1].at,
            status=STATUS.CANCELLED if off else STATUS.CONFIRMED,
            start=_in_zone(self.window.starts, self.time_zone),
            end=_in_zone(self.window.ends, self.time_zone),
            organizer=icalendar.vCalAddress.new(organizer, cn="Poly+ support"),
            attendees=[icalendar.vCalAddress.new(at, cn=each.name, rsvp=not off) for each, at in invited],
        )
        calendar = icalendar.Calendar.new(
            prodid="-//Poly+//ecps//EN",
            # Who is invited by nobody is told of it (RFC 5546, 3.2.1).
            method="CANCEL" if off else "REQUEST" if invited else "PUBLISH",
            subcomponents=[event],
        )
        calendar.add_missing_timezones()
        file: bytes = calendar.to_ical()
        return file


def must_be_to_come(windows: Sequence[Window], now: datetime, field: str) -> None:
    """Raises TimeIsPast where one of them has begun."""
    if any(window.starts <= now for window in windows):
        raise TimeIsPast("The call's time has passed already.", field=field, now=now.isoformat())


def must_be_of_case(engagement: Engagement | None, case: CaseFile, partner: Partner) -> Engagement:
    """The engagement that a call was asked for. Raises NotOfThisCase where it is of another case or partner, or none."""
    if engagement is None or (engagement.case_id, engagement.partner_id) != (case.id, partner.id):
        raise NotOfThisCase("This case has no such engagement with this partner.")
    return engagement


def invited(case: CaseFile, partner: Partner, level: int | None, engineer: CallParticipant) -> list[CallParticipant]:
    """Who joins when nobody is named: the customer's contact, the partner's contact or that of a level, our engineer."""
    contact_id = case.coverage.contact_id if case.coverage else None
    theirs = partner.at_level(level).contact if level else partner.contact
    customer = [CallParticipant(side="customer", contact_id=contact_id)] if contact_id else []
    return [*customer, CallParticipant(side="partner", name=theirs.name, email=theirs.email), engineer]


def _in_zone(instant: datetime, zone: str) -> datetime:
    return instant.astimezone(ZoneInfo(zone))

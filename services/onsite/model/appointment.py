"""The appointment: one technician, one arrival window, and what was done at the site."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal, TypedDict
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events.values import Contact, InstalledPart, Instant, Window
from libs.kit.problems import Conflict, Forbidden, Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity
from services.onsite.model.case_file import Part
from services.onsite.model.work_order import Change, Choice, ChosenBy, Work

AppointmentState = Literal["confirmed", "en_route", "in_progress", "completed", "failed", "missed", "cancelled"]
machine = StateMachine[AppointmentState](
    "The appointment",
    {
        "confirmed": {"en_route", "missed", "cancelled"},
        "en_route": {"in_progress", "confirmed", "cancelled"},
        "in_progress": {"completed", "failed"},
    },
    "confirmed",
)
COMING: frozenset[AppointmentState] = frozenset({"confirmed", "en_route", "in_progress"})
"""The states of an appointment that is not over."""
Side = Literal["support", "customer"]


class PartNotDelivered(Conflict):
    """Nobody departs before the part is at the site."""


class AlreadyDeparted(Conflict):
    """The technician is on the way."""


class TimeWasChosen(Conflict):
    """The customer chose this time, or support for them: a technician does not bring it forward."""


class NotDeparted(Conflict):
    """Nobody is on the way yet."""


class NotYet(Conflict):
    """Something comes first; `missing` says what."""


class NotYourVisit(Forbidden):
    """Another technician has this visit."""


class SerialMismatch(Unprocessable):
    """The scanned part is not the one that was sent."""


class ContactNotAuthorised(Unprocessable):
    """Only the customer's authorised contact signs off."""


class CheckIn(BaseModel):
    """The technician spoke with support, to whom and when."""

    engineer: str
    at: Instant
    by: str


class Step(BaseModel):
    """One thing that was done at the site, and whether it passed."""

    work: Work
    name: str
    passed: bool
    note: str | None
    at: Instant
    by: str


class SignOff(BaseModel):
    """One side says that it works: a contact for the customer, a person for support. `name` is what was typed, or none."""

    name: str | None
    contact_id: UUID | None = None
    person_id: UUID | None = None
    at: Instant
    by: str
    note: str | None


class AppointmentFacts(TypedDict):
    """What the events of a visit say of who comes."""

    appointment_id: UUID
    technician_id: UUID
    person_id: UUID | None


class Appointment(
    Entity,
    table="appointments",
    indexes=(
        "work_order_id",
        ("starts", "id"),
        ("technician_id", "starts", "id"),
        ("account_id", "starts", "id"),
        ("state", "starts", "id"),
    ),
):
    """`starts` to `window_ends` is the arrival window that the customer was told; `ends` is the planned end."""

    account_id: UUID
    work_order_id: UUID
    case_id: UUID
    technician_id: UUID
    # of who comes the person; the name is kept only where no person is named
    person_id: UUID | None = None
    technician_name: str | None
    # which of the work order's appointments it is, from 1
    made: int
    state: AppointmentState
    starts: datetime
    window_ends: datetime
    ends: datetime
    leaves_at: datetime
    time_zone: str
    chosen_by: ChosenBy
    # the promise it was planned on
    parts_by: datetime
    # from then on its technician does not see it any more, once it is over
    technicians_until: datetime | None = None
    departed_at: datetime | None = None
    arrived_at: datetime | None = None
    check_in: CheckIn | None = None
    steps: list[Step]
    installed: list[InstalledPart]
    sign_offs: dict[Side, SignOff]
    history: list[Change]

    def facts(self) -> AppointmentFacts:
        """What the events of a visit say of who comes."""
        return {"appointment_id": self.id, "technician_id": self.technician_id, "person_id": self.person_id}

    def end_for_technician(self, now: datetime, hours_after: int) -> None:
        """The technician still sees a visit for some hours after work, or after nobody came; one that was called off, no longer."""
        hours = 0 if self.state == "cancelled" else hours_after
        self.technicians_until = now + timedelta(hours=hours)

    @property
    def window(self) -> Window:
        """The arrival window that the customer was told."""
        return Window(starts=self.starts, ends=self.window_ends)

    def become(self, state: AppointmentState, *, at: datetime, by: str, reason: str | None = None) -> None:
        """Goes to a state and puts it on record. Raises ForbiddenTransition."""
        machine.check(self.state, state)
        self.state = state
        self.history.append(Change(state=state, at=at, by=by, reason=reason))

    def note_confirmed(self, *, at: datetime, by: str) -> None:
        """The beginning of its history."""
        self.history.append(Change(state=self.state, at=at, by=by))

    def must_be_of(self, technician_id: UUID | None) -> None:
        """Raises NotYourVisit."""
        if technician_id != self.technician_id:
            raise NotYourVisit("This visit is another technician's.")

    @property
    def is_chosen(self) -> bool:
        """Whether somebody chose its time: then it is kept, or they are asked for another."""
        return self.chosen_by != "policy"

    def choice(self, *, another_time: bool = False) -> Choice:
        """What is to be known of its time once it has lost it."""
        return Choice(
            appointment_id=self.id,
            window=self.window,
            time_zone=self.time_zone,
            by=self.chosen_by,
            another_time=another_time,
        )

    def may_move_up(self, promised_by: datetime) -> bool:
        """Whether an earlier promise brings the visit forward: never when somebody chose its time (S31)."""
        return promised_by < self.parts_by and not self.is_chosen

    def must_be_movable(self) -> None:
        """Raises ForbiddenTransition once it has begun, AlreadyDeparted while somebody is on the way."""
        machine.check(self.state, "cancelled")
        if self.state == "en_route":
            raise AlreadyDeparted(
                "The technician is on the way; the visit cannot be moved any more.",
                state=self.state,
                possible=["arrive", "undo_depart"],
            )

    def must_not_be_brought_forward(self, starts: datetime) -> None:
        """By its technician. Raises TimeWasChosen."""
        if self.is_chosen and starts < self.starts:
            raise TimeWasChosen(
                "The customer chose this time, or support for them: only they bring it forward.",
                chosen=self.starts.isoformat(),
                state=self.state,
                possible=["reschedule"],
            )

    def must_be_ready_to_depart(self, undelivered: list[UUID]) -> None:
        """Raises PartNotDelivered, AlreadyDeparted, ForbiddenTransition."""
        self.must_be_movable()
        if undelivered:
            raise PartNotDelivered(
                "Nobody departs before every part of the visit was delivered.",
                state=self.state,
                undelivered_rma_ids=[str(rma_id) for rma_id in undelivered],
                possible=["reschedule"],
            )

    def depart(self, undelivered: list[UUID], *, at: datetime, by: str) -> None:
        """The technician is on the way. Raises PartNotDelivered, AlreadyDeparted, ForbiddenTransition."""
        self.must_be_ready_to_depart(undelivered)
        self.become("en_route", at=at, by=by)
        self.departed_at = at

    def undo_departure(self, *, at: datetime, by: str, reason: str) -> None:
        """The technician turned back, or had not left. Raises NotDeparted, ForbiddenTransition."""
        self.must_have_departed("confirmed")
        self.become("confirmed", at=at, by=by, reason=reason)
        self.departed_at = None

    def arrive(self, *, at: datetime, by: str) -> bool:
        """Begins the visit; whether within the window. Raises NotDeparted, ForbiddenTransition."""
        self.must_have_departed("in_progress")
        self.become("in_progress", at=at, by=by)
        self.arrived_at = at
        return self.starts <= at <= self.window_ends

    def must_have_departed(self, to: AppointmentState) -> None:
        """Raises NotDeparted, ForbiddenTransition."""
        if self.state == "confirmed":
            raise NotDeparted("Nobody is on the way yet.", state=self.state, possible=["depart"])
        machine.check(self.state, to)

    def must_have_begun(self, *, checked_in: bool = True) -> None:
        """Raises ForbiddenTransition before the arrival and after the end, NotYet before the check-in with support."""
        machine.check(self.state, "completed")
        if checked_in and self.check_in is None:
            raise NotYet("Check in with support first.", missing=["check-in"], possible=["check_in", "fail"])

    def install(self, rma_id: UUID, part: Part, serial_in: str | None, serial_out: str | None) -> InstalledPart:
        """The scanned part is in. Raises SerialMismatch, Conflict when it is in already."""
        if any(each.rma_id == rma_id for each in self.installed):
            raise Conflict("This part was installed before.", rma_id=str(rma_id))
        if part.serial is not None and serial_in != part.serial:
            raise SerialMismatch(
                "The scanned serial is not that of the part which was sent; fail the visit with wrong_part if it is not here.",
                expected=part.serial,
                scanned=serial_in,
            )
        done = InstalledPart(rma_id=rma_id, part_number=part.part_number, serial_in=serial_in, serial_out=serial_out)
        self.installed.append(done)
        return done

    def must_be_done(self, parts: dict[UUID, Part]) -> None:
        """Raises NotYet where something is missing, ForbiddenTransition."""
        self.must_have_begun()
        installed = {each.rma_id for each in self.installed}
        missing = [f"install {rma_id}" for rma_id in sorted(parts) if rma_id not in installed]
        tests = [step for step in self.steps if step.work == "test"]
        if not tests or not tests[-1].passed:
            missing.append("a test step that passed, after any that did not")
        if missing:
            raise NotYet("The work is not done.", missing=missing, possible=["steps", "install", "fail"])

    def sign(self, side: Side, sign_off: SignOff, parts: dict[UUID, Part], contact: Contact | None) -> bool:
        """Records one side's word; whether both have given it. Raises NotYet, ContactNotAuthorised, ForbiddenTransition."""
        self.must_be_done(parts)
        if side == "customer" and (contact is None or not contact.authorised):
            raise ContactNotAuthorised("The customer's named contact is not authorised to sign off.")
        self.sign_offs = {**self.sign_offs, side: sign_off}
        return len(self.sign_offs) == 2

    def forget_signer(self, contact_id: UUID) -> None:
        """The name that was typed when this contact signed."""
        self.sign_offs = {
            side: word.model_copy(update={"name": None}) if word.contact_id == contact_id else word
            for side, word in self.sign_offs.items()
        }

    def forget_support(self) -> None:
        """The name that stands where support signed."""
        word = self.sign_offs["support"].model_copy(update={"name": None})
        self.sign_offs = {**self.sign_offs, "support": word}


# Columns of what the words say: no index on JSON is used under row-level security.
_signer = sa.Column("signer_id", sa.Text(), sa.Computed("sign_offs -> 'customer' ->> 'contact_id'", persisted=True))
_supporter = sa.Column(
    "supporter",
    sa.Text(),
    sa.Computed(
        "CASE WHEN sign_offs -> 'support' ->> 'name' IS NOT NULL THEN sign_offs -> 'support' ->> 'by' END",
        persisted=True,
    ),
)
for _column in (_signer, _supporter):
    Appointment.table.append_column(_column)
    sa.Index(f"appointments_{_column.name}_idx", _column, postgresql_where=_column.is_not(None))


def signed_by(contact_id: UUID) -> sa.ColumnElement[bool]:
    """Visits that this contact signed for the customer."""
    return _signer == str(contact_id)


def signed_for_support(by: Collection[str]) -> sa.ColumnElement[bool]:
    """Visits that one of these signed for support, under a name."""
    return _supporter.in_(by)

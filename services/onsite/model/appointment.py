"""The appointment: one technician, one arrival window, and what was done at the site."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal, TypedDict
from uuid import UUID

import sqlalchemy as sa

from libs.events.values import Contact, Window
from libs.kit.problems import Conflict
from libs.kit.states import StateMachine
from libs.store import Entity
from services.onsite.model.case_file import Part
from services.onsite.model.happened import Moment
from services.onsite.model.visit_problems import (
    AlreadyDeparted,
    ContactNotAuthorised,
    NotDeparted,
    NotYet,
    NotYourVisit,
    OldSerialMissing,
    PartNotDelivered,
    SerialMismatch,
    TimeWasChosen,
    TooEarly,
)
from services.onsite.model.work_done import CheckIn, Installed, Side, SignOff, Step
from services.onsite.model.work_order import Change, Choice, ChosenBy

AppointmentState = Literal["confirmed", "en_route", "in_progress", "completed", "failed", "missed", "cancelled"]
machine = StateMachine[AppointmentState](
    "The appointment",
    {
        "confirmed": {"en_route", "missed", "cancelled"},
        "en_route": {"in_progress", "confirmed", "cancelled"},
        "in_progress": {"completed", "failed"},
        # somebody had departed in time, and tells it later
        "missed": {"confirmed"},
    },
    "confirmed",
)
COMING: frozenset[AppointmentState] = frozenset({"confirmed", "en_route", "in_progress"})
"""The states of an appointment that is not over."""


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
    # nobody departs before
    departs_from: datetime | None = None
    # when the technician is expected, where that is known better than by the window
    expected_at: datetime | None = None
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
    installed: list[Installed]
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

    @property
    def length(self) -> timedelta:
        """How long it is planned to last."""
        return self.ends - self.starts

    @property
    def awaited_until(self) -> datetime:
        """The end of the window, or when the technician is expected where that is later."""
        return max(self.window_ends, self.expected_at or self.window_ends)

    @property
    def last_done_at(self) -> datetime:
        """When the last thing was done that is on record, but for signatures; when it was booked, before anything was."""
        done = [self.departed_at, self.arrived_at, self.check_in and self.check_in.at]
        done += [*(step.at for step in self.steps), *(part.at for part in self.installed)]
        return max((at for at in done if at), default=self.history[0].at)

    def become(
        self,
        state: AppointmentState,
        *,
        at: datetime,
        by: str,
        reason: str | None = None,
        recorded_at: datetime | None = None,
    ) -> None:
        """Goes to a state and puts it on record. Raises ForbiddenTransition."""
        machine.check(self.state, state)
        self.state = state
        self.history.append(Change(state=state, at=at, by=by, reason=reason, recorded_at=recorded_at))

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

    def must_be_coming(self) -> None:
        """Raises ForbiddenTransition once it has begun."""
        machine.check(self.state, "cancelled")

    def must_be_ready_to_depart(self, undelivered: list[UUID], *, at: datetime) -> None:
        """Raises PartNotDelivered, TooEarly, AlreadyDeparted, ForbiddenTransition."""
        self.must_be_movable()
        if undelivered:
            raise PartNotDelivered(
                "Nobody departs before every part of the visit was delivered.",
                state=self.state,
                undelivered_rma_ids=[str(rma_id) for rma_id in undelivered],
                possible=["reschedule"],
            )
        if self.departs_from and at < self.departs_from:
            raise TooEarly(
                "It is too early to set out for this visit.",
                state=self.state,
                departs_from=self.departs_from.isoformat(),
                possible=["reschedule"],
            )

    def depart(self, undelivered: list[UUID], moment: Moment, *, by: str) -> None:
        """The technician is on the way. Raises PartNotDelivered, TooEarly, AlreadyDeparted, ForbiddenTransition."""
        self.must_be_ready_to_depart(undelivered, at=moment.at)
        self.become("en_route", at=moment.at, by=by, recorded_at=moment.recorded_at)
        self.departed_at = moment.at
        self.expected_at = moment.at + (self.starts - self.leaves_at)

    def was_departed_for(self, at: datetime) -> bool:
        """Whether who departed then for this visit, which was taken for missed, had done so in time."""
        return self.state == "missed" and (self.departs_from or self.leaves_at) <= at <= self.history[-1].at

    def undo_departure(self, *, at: datetime, by: str, reason: str) -> None:
        """The technician turned back, or had not left. Raises NotDeparted, ForbiddenTransition."""
        self.must_have_departed("confirmed")
        self.become("confirmed", at=at, by=by, reason=reason)
        self.departed_at = self.expected_at = None

    def arrive(self, moment: Moment, *, by: str, reason: str | None = None) -> bool:
        """Begins the visit; whether within the window. Raises NotDeparted, ForbiddenTransition."""
        self.must_have_departed("in_progress")
        self.become("in_progress", at=moment.at, by=by, reason=reason, recorded_at=moment.recorded_at)
        self.arrived_at, self.expected_at = moment.at, None
        return self.starts <= moment.at <= self.window_ends

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

    def record_step(self, step: Step) -> None:
        """A test that did not pass takes back what was signed."""
        self.steps.append(step)
        if step.work == "test" and not step.passed:
            self._take_back_signatures(step.at, step.by, "a test did not pass")

    def install(self, rma_id: UUID, part: Part, scanned: Installed) -> None:
        """The scanned part is in; what was signed before is taken back. Raises SerialMismatch, OldSerialMissing, Conflict."""
        if any(each.rma_id == rma_id for each in self.installed):
            raise Conflict("This part was installed before.", rma_id=str(rma_id))
        if part.serial is not None and scanned.serial_in != part.serial:
            raise SerialMismatch(
                "The scanned serial is not that of the part which was sent; fail the visit with wrong_part if it is not here.",
                expected=part.serial,
                scanned=scanned.serial_in,
            )
        if scanned.serial_in is not None and scanned.serial_out == scanned.serial_in:
            raise SerialMismatch(
                "The part that came out has another serial than the one that went in.",
                expected=None,
                scanned=scanned.serial_out,
            )
        if part.serial is not None and scanned.serial_out is None and scanned.reason is None:
            raise OldSerialMissing(
                "Scan the serial of the part that came out, or say in `unreadable` why it cannot be read.",
                field="serial_out",
            )
        named = {"rma_id": rma_id, "part_number": part.part_number, "unreadable": scanned.reason is not None}
        self.installed.append(scanned.model_copy(update=named))
        self._take_back_signatures(scanned.at or self.last_done_at, scanned.by or "", "a part was installed")

    def _take_back_signatures(self, at: datetime, by: str, reason: str) -> None:
        for side in sorted(self.sign_offs):
            said = f"the sign-off for {side} does not hold any more: {reason}"
            self.history.append(Change(state=self.state, at=at, by=by, reason=said))
        self.sign_offs = {}

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
        instead = sign_off.signer_role is not None
        if side == "customer" and not instead and (contact is None or not contact.authorised):
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

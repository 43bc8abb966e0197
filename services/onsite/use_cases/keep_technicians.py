"""Technicians as master data; what they can no longer do moves to others, and the customer is told."""

from collections.abc import Callable, Sequence
from uuid import UUID

import sqlalchemy as sa
from pydantic import Field, ValidationError

from libs.kit.auth import MANAGERS
from libs.kit.calendar import WeeklyWindow
from libs.kit.fields import Country, Email, Line, Word, Zone
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.people import must_exist
from libs.kit.problems import Conflict, Unprocessable
from libs.kit.rows import visible
from libs.store import Transaction
from services.onsite.model.appointment import Appointment
from services.onsite.model.people import KnownPerson
from services.onsite.model.places import Location
from services.onsite.model.technician import (
    Booking,
    NewAbsence,
    NewAuthorisation,
    Technician,
    Territory,
    working_hours,
)
from services.onsite.queries.access import technicians_visible_to
from services.onsite.queries.locked_visit import lock_visit
from services.onsite.queries.master_data import TechnicianOut, technician_out
from services.onsite.reactions.act_on_case import act_on_visit

router = Router(tags=["technicians"])
_WHO = ("name", "email", "phone")
_OFFICE_HOURS = WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="08:00", closes="18:00")


class ImpossibleHours(Unprocessable):
    """No calendar can be made of these hours, zone and country."""


class BookedMeanwhile(Conflict):
    """A visit was booked for the technician in this moment; try again."""


class HasPersonsName(Unprocessable):
    """A technician who is one of our people has that one's name, e-mail address and telephone number, which are changed there."""


class Nameless(Unprocessable):
    """Who is none of our people yet has a name of their own."""


class TechnicianFields(Command):
    name: Line
    person_id: UUID | None = Field(
        None, description="the person that it is, one of ours: name, e-mail address and telephone number are theirs"
    )
    email: Email | None = None
    phone: Word | None = None
    authorisations: list[NewAuthorisation] = Field(min_length=1, max_length=100)
    skills: list[Word] = Field([], max_length=100)
    territories: list[Territory] = Field(min_length=1, max_length=100)
    hours: list[WeeklyWindow] = Field([_OFFICE_HOURS], min_length=1, max_length=50)
    time_zone: Zone
    holidays_country: Country | None = None
    home: Location | None = None
    active: bool = True


class CreateTechnician(New, TechnicianFields):
    name: Line | None = Field(None, description="of who is none of our people yet")  # type: ignore[assignment]
    absences: list[NewAbsence] = Field([], max_length=200)


class ChangeTechnician(Patch, TechnicianFields):
    """Visits that do not fit any more are planned again. Once it is said who it is, what was typed of that goes."""


async def change_technician(
    technician_id: UUID,
    tx: Transaction,
    change: Callable[[Technician], None],
    *,
    reason: str,
    person_id: UUID | None = None,
) -> Technician:
    """Changes a technician and re-plans those of the coming visits that do not fit any more. `person_id`: who it is said to be from now on."""
    await Technician.get(technician_id, tx)
    visits = [await lock_visit(id, tx) for id in await _coming(technician_id, tx)]
    theirs = Appointment.c.technician_id == technician_id, Appointment.c.technician_name.is_not(None)
    named = await tx.select(Appointment, *theirs, lock=True) if person_id else []
    technician = await Technician.get(technician_id, tx, lock=True)
    if set(await _coming(technician_id, tx)) - {visit.order.id for visit in visits}:
        raise BookedMeanwhile("A visit of this technician was booked just now; try again.")
    change(technician)
    _must_be_possible(technician)
    for appointment in named:
        appointment.person_id, appointment.technician_name = person_id, None
    for visit in visits:
        if visit.appointment is not None and visit.appointment.state == "confirmed":
            await act_on_visit(visit, tx, at=tx.now, doubt=reason)
    return technician


async def _coming(technician_id: UUID, tx: Transaction) -> Sequence[UUID]:
    query = sa.select(Booking.c.work_order_id).where(Booking.c.technician_id == technician_id, Booking.c.ends > tx.now)
    return [row["work_order_id"] for row in await tx.fetch(query.order_by(Booking.c.work_order_id))]


async def _must_be_ours(person_id: UUID | None, tx: Transaction) -> None:
    """Before anything is locked. Raises NoSuchPerson, NotHereYet."""
    if person_id:
        await must_exist(KnownPerson, [person_id], tx, consumer="onsite", roles=frozenset({"technician"}))


def _is_named(technician: Technician, cmd: CreateTechnician | ChangeTechnician) -> None:
    """By the person that it is, or else by what was typed. Raises HasPersonsName, Nameless."""
    typed = [each for each in _WHO if each in cmd.model_fields_set and getattr(cmd, each) is not None]
    if technician.person_id is None:
        if not technician.name:
            raise Nameless("Say the name, or which of our people it is.", field="name")
    elif typed:
        raise HasPersonsName("This technician has the name and the addresses of a person of ours.", field=typed[0])
    else:
        technician.is_person()


def _must_be_possible(technician: Technician) -> None:
    try:
        working_hours(technician.hours, technician.time_zone, technician.holidays_country)
    except ValidationError as error:
        raise ImpossibleHours("These working hours cannot be.", errors=[e["msg"] for e in error.errors()]) from None


@router.post("/v1/technicians", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_technician_route(cmd: CreateTechnician, tx: Tx) -> TechnicianOut:
    await _must_be_ours(cmd.person_id, tx)
    technician = cmd.make(Technician, tx, name=cmd.name or "")
    _is_named(technician, cmd)
    _must_be_possible(technician)
    return await technician_out(technician, tx)


@router.patch("/v1/technicians/{technician_id}", dependencies=[allow(*MANAGERS)])
async def change_technician_route(technician_id: UUID, cmd: ChangeTechnician, tx: Tx) -> TechnicianOut:
    await _must_be_ours(cmd.person_id, tx)

    def change(technician: Technician) -> None:
        cmd.apply_to(technician)
        _is_named(technician, cmd)

    changed = await change_technician(technician_id, tx, change, reason="technician_changed", person_id=cmd.person_id)
    return await technician_out(changed, tx)


@router.post("/v1/technicians/{technician_id}/absences", status_code=201, dependencies=[allow(*MANAGERS, "technician")])
async def add_absence_route(technician_id: UUID, cmd: NewAbsence, tx: Tx, caller: Caller) -> TechnicianOut:
    """The technician's visits in that time move to others, or wait."""
    await visible(Technician, technician_id, technicians_visible_to(caller), tx)

    def change(technician: Technician) -> None:
        technician.absences = [*technician.absences, cmd]

    changed = await change_technician(technician_id, tx, change, reason="technician_absent")
    return await technician_out(changed, tx)

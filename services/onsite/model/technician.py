"""Technicians: who may go where, for which products, when."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator

from libs.events.values import CountryCode, Site
from libs.kit.calendar import Calendar, CalendarData, WeeklyWindow, calendar
from libs.kit.fields import Line, Short, Word
from libs.kit.names import Found
from libs.kit.text import name_key
from libs.store import Entity
from libs.store.ids import derived
from services.onsite.model.appointment import Appointment
from services.onsite.model.places import Location


class Authorisation(BaseModel):
    """May work on this product family, up to and including a day."""

    model_config = ConfigDict(extra="forbid")

    family: str
    expires_on: date | None = None


class NewAuthorisation(Authorisation):
    """As a caller may name one."""

    family: Word


class Territory(BaseModel):
    """A country, or one of its regions or cities."""

    model_config = ConfigDict(extra="forbid")

    country: CountryCode
    region: Short | None = None
    city: Short | None = None

    def covers(self, site: Site) -> bool:
        """Whether the site lies in it."""
        return (
            self.country == site.country
            and (self.region is None or name_key(self.region) == name_key(site.region or ""))
            and (self.city is None or name_key(self.city) == name_key(site.city))
        )


class Absence(BaseModel):
    """Away, from an instant until an instant."""

    model_config = ConfigDict(extra="forbid")

    starts: AwareDatetime
    ends: AwareDatetime
    reason: str

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.ends <= self.starts:
            raise ValueError("an absence ends after it starts")
        return self


class NewAbsence(Absence):
    """As a caller may name one."""

    reason: Line


RETIRE = "retire"
"""The timer of a technician who has left."""


class Technician(Found, Entity, table="technicians", indexes=(("sort_key", "id"),), unique=("person_id",)):
    """Who visits sites. Bookings are made with this row locked, so that one instant is given away once.

    `person_id` is the person that it is, once named: then no name, e-mail address or telephone number stands here.
    """

    name: str
    person_id: UUID | None = None
    email: str | None
    phone: str | None
    authorisations: list[Authorisation]
    skills: list[str]
    territories: list[Territory]
    hours: list[WeeklyWindow]
    time_zone: str
    holidays_country: str | None
    absences: list[Absence]
    home: Location | None
    active: bool
    created_at: datetime

    def may_visit(self, site: Site, family: str | None, skills: Iterable[str]) -> bool:
        """Whether this technician goes there for such work at all; `authorised_on` says whether still on that day."""
        known = {name_key(skill) for skill in self.skills}
        return (
            self.active
            and any(territory.covers(site) for territory in self.territories)
            and all(name_key(skill) in known for skill in skills)
            and (family is None or any(self._is_for(family, each) for each in self.authorisations))
        )

    def authorised_on(self, day: date, family: str | None) -> bool:
        """Whether the authorisation for this family holds on that day; every day for no family."""
        return family is None or any(
            self._is_for(family, each) and (each.expires_on is None or day <= each.expires_on)
            for each in self.authorisations
        )

    def is_away(self, starts: datetime, ends: datetime) -> bool:
        """Whether an absence overlaps that stretch."""
        return any(each.starts < ends and starts < each.ends for each in self.absences)

    def is_person(self) -> None:
        """One of ours, from now on: what was typed of who that is goes."""
        self.name, self.email, self.phone = "", None, None

    def forget_person(self) -> None:
        """The person that it was is erased: nothing is left of who that is, where they live and why they were away."""
        self.is_person()
        self.home, self.absences = None, []

    @property
    def own_name(self) -> str | None:
        """What a visit keeps of who comes: nothing where a person says it."""
        return None if self.person_id else self.name

    @property
    def calendar(self) -> Calendar:
        """The working hours."""
        return calendar(working_hours(self.hours, self.time_zone, self.holidays_country))

    @staticmethod
    def _is_for(family: str, authorisation: Authorisation) -> bool:
        return name_key(authorisation.family) == name_key(family)


def working_hours(hours: Iterable[WeeklyWindow], time_zone: str, holidays_country: str | None) -> CalendarData:
    """Raises pydantic's ValidationError for hours or a zone that cannot be."""
    return CalendarData(time_zone=time_zone, windows=tuple(hours), holidays_country=holidays_country)


class Booking(Entity, table="bookings", indexes=("ends",)):
    """A visit in a technician's diary, one per work order.

    It names no account: whoever books must see that an instant is taken, and may not see by whom. Two bookings
    of one technician never overlap: the table refuses it.
    """

    work_order_id: UUID
    appointment_id: UUID
    technician_id: UUID
    leaves_at: datetime
    starts: datetime
    ends: datetime
    # the visit lasts so long, as far as is known, where that is longer than planned
    busy_until: datetime | None = None
    latitude: float | None
    longitude: float | None

    @property
    def until(self) -> datetime:
        """When the technician is free again, as far as is known."""
        return max(self.ends, self.busy_until or self.ends)

    @staticmethod
    def id_for(work_order_id: UUID) -> UUID:
        """A work order has one booking at most."""
        return derived(work_order_id, "booking")

    @classmethod
    def of(cls, appointment: Appointment, location: Location | None) -> Self:
        """An appointment as its technician's diary holds it; `location` is where the site is, if our map knows."""
        return cls(
            id=cls.id_for(appointment.work_order_id),
            work_order_id=appointment.work_order_id,
            appointment_id=appointment.id,
            technician_id=appointment.technician_id,
            leaves_at=appointment.leaves_at,
            starts=appointment.starts,
            ends=appointment.ends,
            latitude=location.latitude if location else None,
            longitude=location.longitude if location else None,
        )

    def take_over(self, other: "Booking") -> None:
        """The same visit at another time, or another technician's."""
        self.appointment_id, self.technician_id = other.appointment_id, other.technician_id
        self.leaves_at, self.starts, self.ends, self.busy_until = other.leaves_at, other.starts, other.ends, None
        self.latitude, self.longitude = other.latitude, other.longitude

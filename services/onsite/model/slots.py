"""Feasible times of a visit: within both sides' hours, with the way there and on to the next one."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import BaseModel

from libs.events.values import Site, Window
from libs.kit.calendar import Calendar
from services.onsite.model.hours import Shift, common_shifts
from services.onsite.model.places import Location, travel_time
from services.onsite.model.policy import OnsitePolicy
from services.onsite.model.technician import Booking, Technician


class Slot(BaseModel):
    """A time at which this technician can come. `window` is the arrival window that the customer is told."""

    technician_id: UUID
    technician_name: str | None
    person_id: UUID | None = None
    window: Window
    leaves_at: datetime
    ends_at: datetime
    travel_minutes: int

    @property
    def rank(self) -> tuple[datetime, int, UUID]:
        """Earliest first, then the shortest way (S31)."""
        return self.window.starts, self.travel_minutes, self.technician_id


@dataclass(frozen=True)
class Demand:
    """What is asked for: where, for what, and not before."""

    site: Site
    calendar: Calendar
    location: Location | None
    family: str | None
    skills: tuple[str, ...]
    # the part is there
    not_before: datetime
    # nobody leaves earlier than this
    leave_after: datetime
    policy: OnsitePolicy


def slots(demand: Demand, technicians: Iterable[Technician], diaries: Sequence[Booking]) -> Iterator[Slot]:
    """Every slot within the policy's horizon, the earliest first."""
    of_each = (
        slots_of(technician, demand, [b for b in diaries if b.technician_id == technician.id])
        for technician in technicians
        if technician.may_visit(demand.site, demand.family, demand.skills)
    )
    return heapq.merge(*of_each, key=lambda slot: slot.rank)


def slots_of(technician: Technician, demand: Demand, diary: Sequence[Booking]) -> Iterator[Slot]:
    """The slots of one technician, the earliest first."""
    start = max(demand.not_before, demand.leave_after)
    for shift in common_shifts(demand.calendar, technician.calendar, start, demand.policy.horizon_days):
        for at in _starts(shift, start, demand):
            if technician.authorised_on(demand.calendar.local_date(at), demand.family):
                slot = _slot_at(at, shift, technician, demand, diary)
                if slot is not None:
                    yield slot


def _starts(shift: Shift, earliest: datetime, demand: Demand) -> Iterator[datetime]:
    """Instants on the site's wall clock grid from which a whole visit fits."""
    grid, length = (timedelta(minutes=m) for m in (demand.policy.slot_minutes, demand.policy.visit_minutes))
    at = max(shift.start, earliest)
    local = at.astimezone(demand.calendar.zone)
    past = (
        timedelta(minutes=local.hour * 60 + local.minute, seconds=local.second, microseconds=local.microsecond) % grid
    )
    at += (grid - past) if past else timedelta(0)
    while at + length <= shift.end:
        yield at
        at += grid


def _slot_at(
    at: datetime, shift: Shift, technician: Technician, demand: Demand, diary: Sequence[Booking]
) -> Slot | None:
    policy = demand.policy
    ends = at + timedelta(minutes=policy.visit_minutes)
    before = max((b for b in diary if shift.begins <= b.until <= at), key=lambda b: b.until, default=None)
    after = min((b for b in diary if b.starts >= ends), key=lambda b: b.starts, default=None)
    travel = travel_time(technician.home if before is None else whereabouts(before), demand.location, policy)
    leaves = at - travel
    if leaves < max(shift.begins, demand.leave_after) or technician.is_away(leaves, ends):
        return None
    if any(b.leaves_at < ends and leaves < b.until for b in diary):
        return None
    if after is not None and ends + travel_time(demand.location, whereabouts(after), policy) > after.starts:
        return None
    window = Window(starts=at, ends=at + timedelta(minutes=policy.arrival_window_minutes))
    return Slot(
        technician_id=technician.id,
        technician_name=technician.own_name,
        person_id=technician.person_id,
        window=window,
        leaves_at=leaves,
        ends_at=ends,
        travel_minutes=int(travel.total_seconds() // 60),
    )


def whereabouts(booking: Booking) -> Location | None:
    """Where that visit is."""
    if booking.latitude is None or booking.longitude is None:
        return None
    return Location(latitude=booking.latitude, longitude=booking.longitude)

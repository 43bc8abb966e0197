"""A day's visits as the solver takes them: minutes since midnight, who may go when, and the ways between."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from services.onsite.model.day_solver import Crew, Job, Travel, Turn
from services.onsite.model.hours import common_shifts
from services.onsite.model.places import travel_time
from services.onsite.model.slots import Demand, whereabouts
from services.onsite.model.technician import Booking, Technician


@dataclass(frozen=True)
class Stop:
    """A visit that is booked for the day. `pinned`: somebody chose its time."""

    booking: Booking
    demand: Demand
    pinned: bool

    @property
    def id(self) -> UUID:
        """The id of the work order."""
        return self.booking.work_order_id

    @property
    def length(self) -> timedelta:
        """How long the visit is planned to last."""
        return self.booking.ends - self.booking.starts


@dataclass(frozen=True)
class Day:
    """One day of some technicians; `stops` is not empty."""

    day: date
    stops: Sequence[Stop]
    technicians: Sequence[Technician]

    @property
    def begins(self) -> datetime:
        """Midnight where the day is lived."""
        return datetime.combine(self.day, time.min, self.stops[0].demand.calendar.zone)

    def jobs(self) -> list[Job]:
        """The visits, with who may begin them between which minutes."""
        return [
            Job(
                id=stop.id,
                minutes=int(stop.length.total_seconds() // 60),
                openings={} if stop.pinned else {t.id: o for t in self.technicians if (o := self._openings(stop, t))},
                pinned=(stop.booking.technician_id, self.minutes(stop.booking.starts)) if stop.pinned else None,
            )
            for stop in self.stops
        ]

    def crews(self) -> list[Crew]:
        """The technicians, with the minute from which on they may leave home."""
        return [Crew(technician.id, self._leaves_after(technician)) for technician in self.technicians]

    def travel(self) -> Travel:
        """From each home and each visit to each visit."""
        policy = self.stops[0].demand.policy
        places = {stop.id: whereabouts(stop.booking) for stop in self.stops}
        homes = {technician.id: technician.home for technician in self.technicians}
        return {
            (a, b): int(travel_time(here, there, policy).total_seconds() // 60)
            for a, here in (homes | places).items()
            for b, there in places.items()
            if a != b
        }

    def minutes(self, instant: datetime) -> int:
        """Whole minutes since the day began."""
        return int((instant - self.begins).total_seconds() // 60)

    def instant(self, minutes: int) -> datetime:
        """The instant so many minutes after the day began, in UTC."""
        return self.begins.astimezone(ZoneInfo("UTC")) + timedelta(minutes=minutes)

    def first_possible(self, job: Job) -> int:
        """When that visit could begin if nobody else were visited."""
        if job.pinned:
            return job.pinned[1]
        return min((opens for spans in job.openings.values() for opens, _ in spans), default=0)

    def is_as_good_as(self, turns: dict[UUID, Turn]) -> bool:
        """Whether the present day is as good: earlier in sum, or as early with no more travel."""
        now = (sum(self.minutes(s.booking.starts) for s in self.stops), self.travelled)
        return now <= (sum(turn.starts for turn in turns.values()), sum(turn.travel for turn in turns.values()))

    @property
    def travelled(self) -> int:
        """The minutes of travel in the present day."""
        return sum(int((s.booking.starts - s.booking.leaves_at).total_seconds() // 60) for s in self.stops)

    def _leaves_after(self, technician: Technician) -> int:
        windows = technician.calendar.windows_on(self.day)
        leave_after = self.stops[0].demand.leave_after
        return max(self.minutes(windows[0].start) if windows else 0, self.minutes(leave_after))

    def _openings(self, stop: Stop, technician: Technician) -> list[tuple[int, int]]:
        """From when to when the visit may start, so that it also ends in time; absences and the way from home left out."""
        demand, length = stop.demand, int(stop.length.total_seconds() // 60)
        if not technician.may_visit(demand.site, demand.family, demand.skills):
            return []
        if not technician.authorised_on(self.day, demand.family):
            return []
        from_home = int(travel_time(technician.home, whereabouts(stop.booking), demand.policy).total_seconds() // 60)
        noon = datetime.combine(self.day, time(12), demand.calendar.zone)
        spans = [
            (
                self.minutes(max(shift.start, demand.not_before) - timedelta(seconds=1)) + 1,
                self.minutes(shift.end) - length,
            )
            for shift in common_shifts(demand.calendar, technician.calendar, noon, 0)
        ]
        for away in technician.absences:
            leaves, returns = self.minutes(away.starts) - length, self.minutes(away.ends) + 1 + from_home
            spans = [part for a, b in spans for part in ((a, min(b, leaves)), (max(a, returns), b))]
        return [(a, b) for a, b in spans if a <= b]

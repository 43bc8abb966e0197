"""The turns of a rota's layer: who has one at an instant, and where one gives way to the next."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, NamedTuple, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from libs.events.values import TimeOfDay
from libs.kit.calendar import Calendar, CalendarData, WeeklyWindow, calendar
from libs.kit.calendar_data import minutes_of, weekly_spans
from libs.kit.fields import Line, Zone

_DAY = timedelta(days=1)
_MINUTES = 24 * 60
When = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC))]
"""An instant that turns are reckoned for."""


class Turn(NamedTuple):
    """One person's, from a hand-over to the next, whose instant is outside; the layer's windows lie within."""

    starts: datetime
    ends: datetime
    person_id: UUID


class NewLayer(BaseModel):
    """People, by id, in turn, from one hand-over to the next; only within the windows where there are any (a sun to follow).

    `shift_days` counts the days that the layer works: of three people who take a weekday each, Friday's is followed by the next one on
    Monday. Whole weeks are weeks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Line
    time_zone: Zone
    people: tuple[UUID, ...] = Field(min_length=1, max_length=200)
    starts_on: date = Field(ge=date(2000, 1, 1), le=date(2200, 1, 1))
    hands_over_at: TimeOfDay = "09:00"
    shift_days: int = Field(7, ge=1, le=366)
    windows: tuple[WeeklyWindow, ...] = ()

    @model_validator(mode="after")
    def _windows_fit(self) -> Self:
        if self.windows:
            CalendarData(time_zone=self.time_zone, windows=self.windows)
        return self


class Layer(NewLayer):
    """A layer as it is kept."""

    name: str

    def on_call(self, at: datetime) -> UUID | None:
        """Whose turn it is; None before the layer starts and outside its windows."""
        if self.windows and not self._hours.is_open(at):
            return None
        index = self._index_at(at)
        return self.people[index % len(self.people)] if index >= 0 else None

    def turn_at(self, at: datetime) -> Turn | None:
        """The turn that holds, in its windows or between them; None before the layer starts."""
        index = self._index_at(at)
        if index < 0:
            return None
        person = self.people[index % len(self.people)]
        return Turn(self._handover(self._first_day(index)), self._handover(self._first_day(index + 1)), person)

    def edges(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Every instant from `start` to `end` at which somebody's time in this layer may begin or be over."""
        day, last = self._hours.local_date(start) - _DAY, self._hours.local_date(end) + _DAY
        while day <= last:
            found = [self._handover(day)]
            if self.windows:
                found += [edge for window in self._hours.windows_on(day) for edge in window]
            yield from (edge for edge in found if start < edge < end)
            day += _DAY

    @property
    def _hours(self) -> Calendar:
        return _hours(self.time_zone, self.windows)

    def _handover(self, day: date) -> datetime:
        """The first instant at which the wall clock there has reached the time, also where it skips or repeats it."""
        return self._hours.at(day, self.hands_over_at)

    def _index_at(self, at: datetime) -> int:
        """Which turn it is, from 0; below it before the first."""
        # Clocks turned back over midnight show yesterday's date again, after a hand-over of today.
        day = self._hours.local_date(at) + _DAY
        while self._handover(day) > at:
            day -= _DAY
        if self._counts_all_days:
            return (day - self.starts_on).days // self.shift_days
        return (self._worked_until(day) - 1) // self.shift_days

    def _first_day(self, index: int) -> date:
        """The day at whose hand-over this turn begins."""
        if self._counts_all_days:
            return self.starts_on + index * self.shift_days * _DAY
        weeks, more = divmod(index * self.shift_days, sum(self._worked))
        day = self.starts_on + weeks * 7 * _DAY
        while not self._worked[day.weekday()] or more:
            more -= self._worked[day.weekday()]
            day += _DAY
        return day

    @property
    def _worked(self) -> tuple[bool, ...]:
        return worked_weekdays(self.time_zone, self.windows, self.hands_over_at)

    @property
    def _counts_all_days(self) -> bool:
        return self.shift_days % 7 == 0 or all(self._worked)

    def _worked_until(self, day: date) -> int:
        """How many days from the start to this one are worked; 0 or less where none is yet."""
        weeks, rest = divmod((day - self.starts_on).days + 1, 7)
        first = self.starts_on.weekday()
        return weeks * sum(self._worked) + sum(self._worked[(first + each) % 7] for each in range(rest))


@lru_cache(maxsize=1024)
def _hours(time_zone: str, windows: tuple[WeeklyWindow, ...]) -> Calendar:
    """A layer's windows; without any it is open round the clock."""
    if not windows:
        return calendar(CalendarData.round_the_clock(time_zone))
    return calendar(CalendarData(time_zone=time_zone, windows=windows))


@lru_cache(maxsize=1024)
def worked_weekdays(time_zone: str, windows: tuple[WeeklyWindow, ...], hands_over_at: str) -> tuple[bool, ...]:
    """Per weekday whether from its hand-over to the next day's somebody works on that day's account, Monday first.

    It is so when hours run at the hand-over, or lie between the two. Hours that begin in between and run on over the next day's hand-over
    are the next day's, and until then are left to whoever has the turn: Monday's 08:00 with a hand-over at 09:00 makes no turn of Sunday.
    """
    if not windows:
        return (True,) * 7
    spans = weekly_spans(CalendarData(time_zone=time_zone, windows=windows))
    handover = minutes_of(hands_over_at)
    # Three weeks in minutes, so that what runs on from Sunday into Monday is one stretch.
    stretches: list[list[int]] = []
    for day in range(21):
        for span in spans[day % 7]:
            opens, closes = (minute + day * _MINUTES for minute in span)
            if stretches and stretches[-1][1] == opens:
                stretches[-1][1] = closes
            else:
                stretches.append([opens, closes])
    worked = []
    for day in range(7, 14):
        begins = day * _MINUTES + handover
        ends = begins + _MINUTES
        worked.append(
            any(opens <= begins < closes or (begins < opens and closes <= ends) for opens, closes in stretches)
        )
    return tuple(worked)

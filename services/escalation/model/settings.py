"""The numbers of clocks and thresholds: what `/v1/escalation-policies` versions by plan, region and severity."""

from collections.abc import Iterator
from datetime import UTC, datetime
from fractions import Fraction
from functools import lru_cache
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.events.values import Priority, TimeOfDay
from libs.kit.calendar import CalendarData, CalendarError, WeeklyWindow, calendar
from libs.kit.calendar_data import usual_calendar, weekly_spans
from libs.kit.fields import Short
from libs.kit.policies import Policies
from services.escalation.model.clock_face import Face, InDays, InTime
from services.escalation.model.desk_settings import ActWithin, Weights
from services.escalation.model.place import Place

Rule = Literal[
    "first_response",
    "update",
    "resolution",
    "age",
    "no_progress",
    "reopenings",
    "repeat_replacement",
    "contract_date_missed",
    "partner_silence",
    "customer_request",
]
_ROUND_THE_CLOCK = InTime(calendar(CalendarData.round_the_clock()))
_ANY_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


class Target(BaseModel):
    """How long something may take: on the wall clock, or in the business time of the policy's calendar, where each day is as
    long as that day's own windows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: int = Field(0, ge=0, le=180)
    minutes: int = Field(0, ge=0, le=60 * 24 * 31)
    business: bool = False

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if not self.days and not self.minutes:
            raise ValueError("a target is longer than nothing")
        return self


class Hours(BaseModel):
    """Open hours of a business day, on the clock of the place."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    opens: TimeOfDay
    closes: TimeOfDay


class Targets(BaseModel):
    """A target for each priority."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    P1: Target
    P2: Target
    P3: Target
    P4: Target

    def of(self, priority: Priority) -> Target:
        """The target of this priority."""
        target: Target = getattr(self, priority)
        return target


def _hours(hours: int, *, business: bool = False) -> Target:
    return Target(minutes=60 * hours, business=business)


def _days(days: int, *, business: bool = True) -> Target:
    return Target(days=days, business=business)


class EscalationSettings(BaseModel):
    """The defaults are the seeded policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_response: Targets = Targets(
        P1=Target(minutes=30), P2=_hours(1), P3=_hours(4, business=True), P4=_hours(8, business=True)
    )
    update: Targets = Targets(P1=_hours(2), P2=_hours(8), P3=_days(2), P4=_days(5))
    resolution: Targets = Targets(P1=_hours(8), P2=_days(2), P3=_days(5), P4=_days(10))
    age: Targets = Targets(
        P1=_days(1, business=False),
        P2=_days(5, business=False),
        P3=_days(15, business=False),
        P4=_days(30, business=False),
    )
    no_progress: Targets = Targets(P1=_hours(4), P2=_days(1), P3=_days(3), P4=_days(5))
    percents: tuple[int, ...] = Field((75, 100), min_length=1, max_length=10)
    raise_from: int = Field(100, ge=1, description="a clock's breach raises an escalation from this percentage on")
    reopenings: int = Field(2, ge=1, description="the reopening that is one too many")
    raising: tuple[Rule, ...] = Field(
        (
            "first_response",
            "update",
            "resolution",
            "age",
            "no_progress",
            "reopenings",
            "contract_date_missed",
            "customer_request",
        ),
        description="breaches of other rules only tell",
    )
    calendar: CalendarData | None = Field(
        None, description="null: the business days of the case's country and region, on the clock there, within `hours`"
    )
    hours: tuple[Hours, ...] = Field(
        (Hours(opens="08:00", closes="12:00"), Hours(opens="13:00", closes="17:00")),
        min_length=1,
        max_length=10,
        description="of a business day where `calendar` is null",
    )
    home: CalendarData = CalendarData(
        time_zone="Asia/Ho_Chi_Minh",
        windows=(
            WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="08:00", closes="12:00"),
            WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="13:00", closes="17:00"),
        ),
        holidays_country="VN",
    )
    """Where `calendar` is null and nobody knows yet where the case is."""
    repeat: int = Field(3, ge=0, le=20, description="how often an escalation's steps are gone through again")
    step_minutes: int = Field(15, ge=1, description="until the next step, where no escalation policy is kept")
    unacknowledge_minutes: int = Field(30, ge=1, description="silence after which an acknowledgement no longer counts")
    unanswered_minutes: int = Field(
        60, ge=1, le=60 * 24 * 7, description="until it is told again that nobody took an escalation up"
    )
    automatic_queues: tuple[Short, ...] = Field(
        (), max_length=200, description="queues whose cases are given to somebody by themselves"
    )
    weights: Weights = Weights()
    capacity: int = Field(
        12, ge=0, le=1000, description="so much somebody at the desk carries, unless they have their own"
    )
    act_within: ActWithin = ActWithin()
    gap_days: int = Field(7, ge=1, le=60, description="how far ahead a rota's gaps are shown and told")
    service_management_name: Short = "Service management"
    service_management_address: Short | None = "service-management@polyplus.example"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if any(not 1 <= percent <= 1000 for percent in self.percents):
            raise ValueError("a percentage lies between 1 and 1000")
        usual_calendar("VN", None, "UTC", tuple((each.opens, each.closes) for each in self.hours))
        try:
            for target in (target for targets in self._targets() for target in targets):
                self.clock_face(target).add(_ANY_MONDAY, self.amount(target))
        except CalendarError as error:
            raise ValueError(f"the calendar does not hold the targets: {error}") from None
        return self

    def _targets(self) -> Iterator[tuple[Target, ...]]:
        for each in (self.first_response, self.update, self.resolution, self.age, self.no_progress):
            yield each.P1, each.P2, each.P3, each.P4

    def at(self, place: Place | None) -> Self:
        """With the business days of this place, unless the policy has a calendar of its own."""
        if self.calendar or place is None:
            return self
        hours = tuple((each.opens, each.closes) for each in self.hours)
        return self.model_copy(update={"calendar": usual_calendar(place.country, place.region, place.time_zone, hours)})

    def clock_face(self, target: Target) -> Face:
        """What this target is counted in: time, or business days where it names days."""
        if not target.business:
            return _ROUND_THE_CLOCK
        days = calendar(self.calendar or self.home)
        return InDays(days) if target.days else InTime(days)

    def amount(self, target: Target) -> Fraction:
        """The target in units of its face. Minutes beside business days are part of the calendar's first weekday that is worked."""
        if not (target.business and target.days):
            return Fraction((24 * 60 * target.days + target.minutes) * 60_000_000)
        return target.days + Fraction(target.minutes, _usual_day(self.calendar or self.home))


@lru_cache(maxsize=512)
def _usual_day(data: CalendarData) -> int:
    """Minutes of the first weekday that is worked."""
    usual = next(spans for spans in weekly_spans(data) if spans)
    return sum(closes - opens for opens, closes in usual)


policies = Policies("escalation", EscalationSettings)

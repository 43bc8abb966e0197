"""The clocks again, counted minute by minute: too slow to use, too simple to be wrong."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from libs.events.values import Priority
from libs.kit.calendar import CalendarData, NamedDate, WeeklyWindow
from services.escalation.model.facts import Fact
from services.escalation.model.settings import EscalationSettings, Target, Targets

BASE = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday; clocks change in New York on the 8th
DAYS = 17
CALENDARS = [
    CalendarData(
        time_zone="America/New_York",
        windows=(WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="09:00", closes="17:00"),),
    ),
    CalendarData(
        time_zone="Asia/Ho_Chi_Minh",
        windows=(
            WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="08:00", closes="12:00"),
            WeeklyWindow(weekdays=(0, 1, 2, 3, 4, 5), opens="13:00", closes="17:00"),
        ),
        closed=(NamedDate(date=date(2026, 3, 4), name="Flood"),),
    ),
    CalendarData(
        time_zone="UTC",
        windows=(
            WeeklyWindow(weekdays=(5, 6), opens="00:00", closes="06:00"),
            WeeklyWindow(weekdays=(0,), opens="22:00", closes="24:00"),
        ),
    ),
]


def settings_on(calendar: CalendarData) -> EscalationSettings:
    """Targets that divide by four, so that 75 % is a whole minute."""

    def targets(*minutes: tuple[int, bool]) -> Targets:
        p1, p2, p3, p4 = (Target(minutes=each, business=business) for each, business in minutes)
        return Targets(P1=p1, P2=p2, P3=p3, P4=p4)

    return EscalationSettings(
        calendar=calendar,
        first_response=targets((32, False), (60, False), (240, True), (480, True)),
        update=targets((120, False), (480, False), (600, True), (720, True)),
        resolution=targets((480, False), (640, True), (800, True), (1200, True)),
        age=targets((960, False), (1280, True), (1600, False), (2400, True)),
    )


@lru_cache
def open_minutes(calendar: CalendarData) -> list[bool]:
    """Whether each minute since BASE is worked."""
    zone, closed = ZoneInfo(calendar.time_zone), {each.date for each in calendar.closed}
    found = []
    for minute in range(DAYS * 24 * 60):
        local = (BASE + timedelta(minutes=minute)).astimezone(zone)
        clock = f"{local:%H:%M}"
        found.append(
            local.date() not in closed
            and any(local.weekday() in w.weekdays and w.opens <= clock < w.closes for w in calendar.windows)
        )
    return found


@dataclass
class SlowClock:
    kind: str
    epoch: int
    round: int
    start: int
    priority: Priority
    live: list[int] = field(default_factory=list)  # the minutes in which it did not stand still
    end: int | None = None
    met: bool = False
    # until which minute it had which priority before, and the live minutes that were over then
    before: list[tuple[int, Priority, list[int]]] = field(default_factory=list)

    def worked(self, settings: EscalationSettings) -> list[int]:
        """The minutes that count, on the calendar of the priority it has or ended with."""
        targets: Targets = getattr(settings, self.kind)
        if not targets.of(self.priority).business:
            return self.live
        opened = open_minutes(settings.calendar)
        return [minute for minute in self.live if opened[minute]]

    def due(self, percent: int, settings: EscalationSettings) -> int | None:
        """The minute at which so much of the target has run; None when that did not come."""
        targets: Targets = getattr(settings, self.kind)
        wanted, worked = targets.of(self.priority).minutes * percent // 100, self.worked(settings)
        return worked[wanted - 1] + 1 if len(worked) >= wanted else None

    def rerate(self, priority: Priority, minute: int) -> None:
        """From this minute on it has another priority."""
        self.before.append((minute, self.priority, [*self.live]))
        self.priority = priority

    def start_earlier(self, since: int, minute: int) -> None:
        """From this minute on it has run since then."""
        if since < self.start:
            self.rerate(self.priority, minute)
            self.live = [*range(since, self.start), *self.live]
            self.start = since

    def passed(self, percent: int, settings: EscalationSettings, *, over: bool = False) -> int | None:
        """The first minute at which so much of the target of the priority that it had then has run before it had another or ended;
        with `over`, only of what it had and has not."""
        now = (self.end, self.priority, self.live)
        found = []
        for until, priority, lived in [*self.before, now]:
            then = SlowClock(self.kind, self.epoch, self.round, self.start, priority, lived)
            due = then.due(percent, settings)
            if due is not None and (due < until if until is not None else not over):
                found.append(due)
        return min(found, default=None)


class SlowCase:
    """Lives through the facts, one minute after the other."""

    def __init__(self, facts: list[Fact], until: int) -> None:
        self.all: list[SlowClock] = []
        self._running: dict[str, SlowClock] = {}
        self._waits: dict[object, str] = {}
        self._priority: Priority = "P1"
        self._epoch = 0
        by_minute = {int((fact.at - BASE).total_seconds()) // 60: fact for fact in facts}
        for minute in range(until):
            if minute in by_minute:
                self._live_through(by_minute[minute], minute)
            for clock in self._running.values():
                if not self.paused(clock.kind):
                    clock.live.append(minute)

    def paused(self, kind: str) -> bool:
        """Whether clocks of this kind stand still now."""
        on_customer, on_partner = (wait in self._waits.values() for wait in ("customer", "partner"))
        return (kind != "first_response" and on_customer) or (kind == "resolution" and on_partner)

    def _begin(self, kind: str, minute: int, number: int = 0) -> None:
        clock = SlowClock(kind, self._epoch, number, minute, self._priority)
        self.all.append(clock)
        self._running[kind] = clock

    def _end(self, kind: str, minute: int, *, met: bool) -> None:
        if clock := self._running.pop(kind, None):
            clock.end, clock.met = minute, met

    def _live_through(self, fact: Fact, minute: int) -> None:
        match fact.kind:
            case "opened" | "reopened":
                self._epoch += 1
                self._priority = fact.priority or self._priority
                for kind in ("first_response", "update", "resolution", "age"):
                    self._begin(kind, minute)
            case "severity_changed":
                assert fact.priority
                self._priority = fact.priority
                for clock in self._running.values():
                    clock.rerate(fact.priority, minute)
            case "merged":
                assert fact.since
                for clock in self._running.values():
                    if clock.round == 0:
                        clock.start_earlier(int((fact.since - BASE).total_seconds()) // 60, minute)
            case "wait_began":
                self._waits[fact.wait_id] = fact.wait or ""
            case "wait_ended":
                self._waits.pop(fact.wait_id, None)
            case "resolved":
                self._end("first_response", minute, met=fact.origin == "support")
                self._end("update", minute, met=False)
                self._end("resolution", minute, met=True)
                self._end("age", minute, met=True)
            case "responded" | "noted" if self._running and fact.origin != "customer":
                if fact.kind == "responded" or fact.origin == "support":
                    self._end("first_response", minute, met=True)
                number = self._running["update"].round + 1
                self._end("update", minute, met=True)
                self._begin("update", minute, number)


def slow_due(
    start: datetime, days: Fraction, zone: str, worked: Callable[[date], tuple[tuple[str, str], ...]]
) -> datetime:
    """When so many business days have passed: each minute of a day's windows is its part of that day, whatever the clocks do.

    `worked` are a date's windows, none where it is not worked. `start` is a whole minute.
    """
    local, passed = ZoneInfo(zone), Fraction(0)
    day = start.astimezone(local).date()
    while True:
        # A window opens and closes as the wall clock first shows the time: from hours before the day until hours after it.
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        opened, minutes, edges = False, [], {edge for span in worked(day) for edge in span}
        for minute in range(-15 * 60, 38 * 60) if edges else ():
            instant = midnight + timedelta(minutes=minute)
            wall = instant.astimezone(local)
            shown = f"{wall:%H:%M}" if wall.date() == day else "00:00" if wall.date() < day else "24:00"
            for edge in sorted(each for each in edges if each <= shown and wall.date() >= day):
                edges.discard(edge)
                opened = any(opens == edge for opens, _ in worked(day))
            if opened:
                minutes.append(instant)
        for instant in minutes:
            if instant >= start:
                passed += Fraction(1, len(minutes))
            if passed >= days:
                return instant + timedelta(minutes=1) - timedelta(seconds=float((passed - days) * len(minutes) * 60))
        day += timedelta(days=1)

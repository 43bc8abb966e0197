"""A slow, obvious model of a calendar: look at the wall clock once a minute and see whether the door is open.

The wall clock's reading never counts backwards here: in a repeated hour it stands at the latest reading it has shown,
which is what "a window opens and closes when the clock first shows the time" means. Whole minutes only.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from libs.kit.calendar import CalendarData

MINUTE = timedelta(minutes=1)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _open_at(wall: datetime, data: CalendarData) -> bool:
    if any(wall.date() == each.date for each in data.closed):
        return False
    minute = wall.hour * 60 + wall.minute
    return any(
        wall.weekday() in window.weekdays and _minutes(window.opens) <= minute < _minutes(window.closes)
        for window in data.windows
    )


def open_minutes(data: CalendarData, start: datetime, end: datetime) -> Iterator[datetime]:
    """The starts of the open minutes of [start, end)."""
    zone = ZoneInfo(data.time_zone)
    instant = start.astimezone(UTC) - timedelta(days=1)  # long enough before to have seen any repeated hour begin
    latest = datetime.min  # noqa: DTZ901 - a wall clock's reading
    while instant < end:
        latest = max(latest, instant.astimezone(zone).replace(tzinfo=None))
        if instant >= start and _open_at(latest, data):
            yield instant
        instant += MINUTE

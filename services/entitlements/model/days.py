"""Terms are counted in days of the account's own time zone: when a day begins, and which day it is there."""

from datetime import date, datetime

from libs.kit.calendar import Calendar, CalendarData, calendar


def _round_the_clock(zone: str) -> Calendar:
    return calendar(CalendarData.round_the_clock(zone))


def begins(day: date, zone: str) -> datetime:
    """The first instant of `day`."""
    return _round_the_clock(zone).at(day, "00:00")


def day_of(instant: datetime, zone: str) -> date:
    """The date there at `instant`."""
    return _round_the_clock(zone).local_date(instant)

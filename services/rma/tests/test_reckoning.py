"""The promise against a reckoning of its own: random depots, doors, half days, closures, zones, clocks that jump, and depots that sleep."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kit.calendar import CalendarData, NamedDate, WeeklyWindow, calendar
from services.rma.model.promise import Way, contract_due, forecast
from services.rma.tests.reckoning import House, days_of, due, reckon

_ZONES = (
    "Asia/Ho_Chi_Minh",
    "Asia/Kathmandu",
    "Africa/Cairo",
    "Europe/London",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Honolulu",
)
_DOORS = (
    (),
    (("08:00", "18:00"),),
    (("07:30", "12:00"),),
    (("07:30", "11:30"), ("13:00", "17:30")),
    (("13:00", "21:00"),),
    (("00:00", "24:00"),),
    (("01:30", "03:00"),),
)
_CLOCKS = st.sampled_from(("00:30", "02:30", "07:30", "09:00", "11:45", "12:00", "15:00", "17:00", "23:45"))
# Around both changes of the clocks, and a year's end.
_FROM = st.sampled_from(
    [datetime(2027, 3, 24, tzinfo=UTC), datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 12, 21, tzinfo=UTC)]
)
_STEPS = st.integers(0, 14 * 24 * 60)


@st.composite
def houses(draw: st.DrawFn) -> House:
    doors = tuple(draw(st.sampled_from(_DOORS)) for _ in range(6))
    first = draw(st.sampled_from(_DOORS[1:]))
    shut = draw(st.sets(st.integers(0, 240), max_size=40))
    days = frozenset(date(2026, 10, 15) + timedelta(days=n) for n in shut)
    return House(draw(st.sampled_from(_ZONES)), (first, *doors), days)


def as_calendar(house: House) -> CalendarData:
    windows = [
        WeeklyWindow(weekdays=(weekday,), opens=opens, closes=closes)
        for weekday, doors in enumerate(house.doors)
        for opens, closes in doors
    ]
    closed = tuple(NamedDate(date=day, name="closed") for day in sorted(house.shut))
    return CalendarData(time_zone=house.zone, windows=tuple(windows), closed=closed)


@pytest.mark.promise("S3")
@settings(max_examples=150, deadline=None)
@given(houses(), houses(), _CLOCKS, _CLOCKS, st.integers(0, 4), _FROM, _STEPS, st.integers(0, 6 * 24 * 60))
def test_a_promise_is_what_a_wall_calendar_and_a_clock_say(
    depot: House, site: House, cut_off: str, hour: str, nights: int, first: datetime, minutes: int, slept: int
) -> None:
    asked = first + timedelta(minutes=minutes)
    now = asked + timedelta(minutes=slept)
    way = Way(calendar(as_calendar(depot)), cut_off, nights, hour, calendar(as_calendar(site)))
    ours, theirs = forecast(asked, way, now), reckon(depot, cut_off, nights, hour, site, asked, now)
    assert (ours.promised, ours.promised_by, ours.departs_at) == (theirs.arrives_on, theirs.arrives_by, theirs.leaves)
    said = [(reason.code, reason.days) for reason in ours.reasons]
    assert days_of(said, "depot_cut_off") == theirs.asked_too_late
    assert days_of(said, "depot_late") == theirs.depot_slept
    assert days_of(said, "depot_holiday", "destination_holiday", "weekend") == theirs.depot_shut + theirs.site_shut
    assert sum(days for _, days in said) == (ours.promised - way.depot.local_date(asked)).days


@pytest.mark.promise("S3")
@settings(max_examples=80, deadline=None)
@given(houses(), _CLOCKS, _FROM, _STEPS)
def test_a_contract_date_is_what_a_wall_calendar_and_a_clock_say(
    site: House, cut_off: str, first: datetime, minutes: int
) -> None:
    told = first + timedelta(minutes=minutes)
    assert contract_due(told, cut_off, calendar(as_calendar(site))).day == due(site, cut_off, told)


def _half_saturday(at: str) -> tuple[date, str, list[str]]:
    week = (
        WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="07:30", closes="17:30"),
        WeeklyWindow(weekdays=(5,), opens="07:30", closes="12:00"),
    )
    days = calendar(CalendarData(time_zone="Asia/Ho_Chi_Minh", windows=week))
    promise = forecast(datetime.fromisoformat(at), Way(days, "15:00", 1, "17:00", days))
    leaves = f"{promise.departs_at.astimezone(days.zone):%a %H:%M}"
    return promise.promised, leaves, [reason.text for reason in promise.reasons]


@pytest.mark.promise("S3")
def test_nothing_leaves_a_half_day_depot_in_the_afternoon() -> None:
    promised, leaves, why = _half_saturday("2027-01-09T13:30+07:00")
    assert (promised, leaves) == (date(2027, 1, 12), "Mon 15:00")
    assert why == ["asked after the depot closed, 12:00", "weekend at the depot", "transit, 1 day"]
    assert _half_saturday("2027-01-09T11:59+07:00")[:2] == (date(2027, 1, 11), "Sat 12:00")
    assert _half_saturday("2027-01-08T13:30+07:00")[:2] == (date(2027, 1, 9), "Fri 15:00")

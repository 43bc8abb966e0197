"""The two dates: properties over calendars, zones, lanes and instants, and the days people ask about."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kit.calendar import CalendarData, NamedDate, WeeklyWindow, calendar
from services.rma.model.promise import Way, contract_due, forecast, forecast_late, forecast_under_way

_ZONES = ("Asia/Ho_Chi_Minh", "Asia/Singapore", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland", "UTC")
_CLOCKS = st.integers(0, 47).map(lambda n: f"{n // 2:02}:{n % 2 * 30:02}")
_WEEKS = st.sets(st.integers(0, 6), min_size=1).map(sorted)
_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_INSTANTS = st.integers(0, 400 * 24 * 60).map(lambda minutes: _FIRST + timedelta(minutes=minutes))
_FEW = settings(max_examples=60, deadline=None)


@st.composite
def calendars(draw: st.DrawFn) -> CalendarData:
    country = draw(st.sampled_from([None, "VN", "US", "DE"]))
    closed = draw(st.sets(st.integers(0, 420), max_size=20))
    return CalendarData(
        time_zone=draw(st.sampled_from(_ZONES)),
        windows=(WeeklyWindow(weekdays=tuple(draw(_WEEKS)), opens="08:00", closes="17:30"),),
        holidays_country=country,
        closed=tuple(NamedDate(date=date(2026, 1, 1) + timedelta(days=n), name="flood") for n in sorted(closed)),
    )


@st.composite
def ways(draw: st.DrawFn) -> Way:
    depot, destination = calendar(draw(calendars())), calendar(draw(calendars()))
    return Way(depot, draw(_CLOCKS), draw(st.integers(0, 6)), draw(_CLOCKS), destination)


@pytest.mark.promise("S3")
@_FEW
@given(ways(), _INSTANTS)
def test_a_promise_is_never_earlier_than_the_lane_allows(way: Way, asked_at: datetime) -> None:
    promise = forecast(asked_at, way)
    assert promise.departs_at >= asked_at
    assert way.depot.is_working_day(way.depot.local_date(promise.departs_at))
    leaves_on = way.destination.local_date(promise.departs_at)
    assert promise.promised >= leaves_on + timedelta(days=way.transit_days)
    assert promise.promised_by > promise.departs_at


@_FEW
@given(ways(), _INSTANTS)
def test_a_promise_lands_on_a_working_day_of_the_destination(way: Way, asked_at: datetime) -> None:
    promise = forecast(asked_at, way)
    assert way.destination.is_working_day(promise.promised)
    assert way.destination.local_date(promise.promised_by) == promise.promised


@_FEW
@given(ways(), _INSTANTS, st.integers(0, 10 * 24 * 60))
def test_who_asks_later_is_never_promised_earlier(way: Way, asked_at: datetime, minutes: int) -> None:
    first, second = forecast(asked_at, way), forecast(asked_at + timedelta(minutes=minutes), way)
    assert (first.promised, first.promised_by) <= (second.promised, second.promised_by)


@_FEW
@given(ways(), _INSTANTS)
def test_the_reasons_account_for_every_day(way: Way, asked_at: datetime) -> None:
    promise = forecast(asked_at, way)
    assert sum(reason.days for reason in promise.reasons) == (promise.promised - way.depot.local_date(asked_at)).days
    skipped = [reason for reason in promise.reasons if reason.code not in ("transit", "time_zone")]
    assert all(reason.days > 0 and reason.text for reason in skipped)


@_FEW
@given(ways(), _INSTANTS, st.integers(0, 20))
def test_a_late_parcel_is_promised_for_a_working_day_still_to_come(way: Way, asked_at: datetime, days: int) -> None:
    promise = forecast_under_way(forecast(asked_at, way).departs_at, way)
    now = promise.promised_by + timedelta(days=days)
    late = forecast_late(promise, now, way)
    assert late.promised > way.destination.local_date(now)
    assert way.destination.is_working_day(late.promised)
    assert (
        sum(r.days for r in late.reasons) - sum(r.days for r in promise.reasons)
        == (late.promised - promise.promised).days
    )


@pytest.mark.promise("S3")
@_FEW
@given(calendars(), _INSTANTS, _CLOCKS, st.integers(0, 10 * 24 * 60))
def test_the_contract_date_is_a_business_day_after_the_diagnosis(
    data: CalendarData, diagnosed_at: datetime, cut_off: str, minutes: int
) -> None:
    there = calendar(data)
    due = contract_due(diagnosed_at, cut_off, there)
    assert there.is_working_day(due.day)
    assert due.day > there.local_date(diagnosed_at)
    assert due.ends_at > diagnosed_at
    assert due <= contract_due(diagnosed_at + timedelta(minutes=minutes), cut_off, there)


@_FEW
@given(calendars(), _INSTANTS, st.integers(1, 15))
def test_a_return_window_holds_exactly_its_business_days(data: CalendarData, start: datetime, days: int) -> None:
    there = calendar(data)
    due, first = there.end_of_working_day(start, days), there.local_date(start)
    span = (due.day - first).days
    assert sum(there.is_working_day(first + timedelta(days=n)) for n in range(1, span + 1)) == days


def _vietnam(**how: object) -> CalendarData:
    windows = (WeeklyWindow(weekdays=(0, 1, 2, 3, 4), opens="08:00", closes="17:30"),)
    return CalendarData.model_validate({"time_zone": "Asia/Ho_Chi_Minh", "windows": windows, **how})


@pytest.mark.promise("S3")
@pytest.mark.parametrize(
    ("diagnosed_at", "due"),
    [
        ("2026-03-02T10:00+07:00", date(2026, 3, 3)),  # Monday morning: Tuesday
        ("2026-03-02T15:00+07:00", date(2026, 3, 4)),  # at the cut-off it is Tuesday's: Wednesday
        ("2026-03-06T14:59+07:00", date(2026, 3, 9)),  # Friday before the cut-off: Monday
        ("2026-03-07T09:00+07:00", date(2026, 3, 10)),  # Saturday is Monday's: Tuesday
    ],
)
def test_the_contract_date_follows_the_cut_off_and_the_weekend(diagnosed_at: str, due: date) -> None:
    assert contract_due(datetime.fromisoformat(diagnosed_at), "15:00", calendar(_vietnam())).day == due


def test_tet_moves_the_promise_and_is_named_in_the_reasons() -> None:
    tet = tuple(NamedDate(date=date(2026, 2, day), name="Tết") for day in range(16, 21))
    there = calendar(_vietnam(closed=tet))
    promise = forecast(datetime.fromisoformat("2026-02-12T16:00+07:00"), Way(there, "15:00", 1, "12:00", there))
    assert promise.promised == date(2026, 2, 23)
    assert [(reason.code, reason.days) for reason in promise.reasons] == [
        ("depot_cut_off", 1),
        ("transit", 1),
        ("weekend", 2),
        ("destination_holiday", 5),
        ("weekend", 2),
    ]
    assert "Tết" in promise.reasons[3].text

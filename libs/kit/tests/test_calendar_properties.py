"""The calendar's arithmetic against the slow model, in zones that change their clocks and zones that do not."""

import itertools
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kit.calendar import Calendar, CalendarData, NamedDate, WeeklyWindow
from libs.kit.tests.wall_clock_model import MINUTE, open_minutes

ZONES = [
    "America/New_York",
    "Europe/Berlin",
    "Asia/Ho_Chi_Minh",
    "Asia/Riyadh",
    "America/Havana",  # changes at midnight, so that a day can begin at 01:00 or hold 00:30 twice
    "Australia/Lord_Howe",  # changes by half an hour
]
# Clocks change on these days (or the night before or after) in one zone of the list or another; Tết 2026 is one more.
BUSY_DAYS = [date(2026, month, day) for month, day in ((2, 17), (3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1))]


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def windows_of_a_day(draw: st.DrawFn) -> list[tuple[int, int]]:
    edges = sorted(
        draw(st.sets(st.sampled_from([0, 30, 60, 75, 90, 105, 120, 150, 180, 540, 720, 780, 1080, 1410, 1440])))
    )
    spans = list(zip(edges[::2], edges[1::2], strict=False))
    return spans if draw(st.booleans()) else spans + [(b, c) for (_, b), (c, _) in itertools.pairwise(spans)]


@st.composite
def calendars(draw: st.DrawFn) -> CalendarData:
    day_kinds = draw(st.lists(windows_of_a_day().filter(bool), min_size=1, max_size=2))
    weekdays = draw(st.lists(st.sampled_from([-1, *range(len(day_kinds))]), min_size=7, max_size=7))
    weekdays[draw(st.integers(0, 6))] = 0
    windows = tuple(
        WeeklyWindow(weekdays=(weekday,), opens=clock(opens), closes=clock(closes))
        for weekday, kind in enumerate(weekdays)
        if kind >= 0
        for opens, closes in day_kinds[kind]
    )
    closed = draw(st.sets(st.sampled_from(BUSY_DAYS), max_size=1))
    return CalendarData(
        time_zone=draw(st.sampled_from(ZONES)),
        windows=windows,
        closed=tuple(NamedDate(date=day, name="Flood") for day in closed),
    )


@st.composite
def minutes_near_a_busy_day(draw: st.DrawFn) -> datetime:
    day = draw(st.sampled_from(BUSY_DAYS))
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + MINUTE * draw(st.integers(-1500, 3000))


@st.composite
def instants_near_a_busy_day(draw: st.DrawFn) -> datetime:
    return draw(minutes_near_a_busy_day()) + timedelta(microseconds=draw(st.integers(0, 59_999_999)))


durations = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=20))
slow = settings(deadline=None, max_examples=80)


@slow
@given(calendars(), minutes_near_a_busy_day(), st.integers(0, 4000))
def test_business_time_is_the_number_of_minutes_the_door_is_seen_open(
    data: CalendarData, start: datetime, minutes: int
) -> None:
    end = start + minutes * MINUTE
    seen = list(open_minutes(data, start, end))
    assert Calendar(data).business_time_between(start, end) == len(seen) * MINUTE
    assert Calendar(data).business_time_between(end, start) == -len(seen) * MINUTE


@slow
@given(calendars(), minutes_near_a_busy_day(), st.integers(0, 4000))
def test_adding_business_time_gives_the_first_instant_at_which_it_has_passed(
    data: CalendarData, start: datetime, minutes: int
) -> None:
    seen = list(open_minutes(data, start, start + minutes * MINUTE))
    first = seen[-1] + MINUTE if seen else start
    assert Calendar(data).add_business_time(start, len(seen) * MINUTE) == first


@slow
@given(calendars(), minutes_near_a_busy_day())
def test_a_calendar_is_open_when_its_next_window_has_begun(data: CalendarData, instant: datetime) -> None:
    calendar = Calendar(data)
    window = calendar.next_window(instant)
    seen_open = list(open_minutes(data, instant, instant + MINUTE)) == [instant]
    assert calendar.is_open(instant) == seen_open == (window.start <= instant)
    assert instant < window.end
    assert calendar.business_time_between(instant, window.end) == window.end - max(instant, window.start)


@slow
@given(calendars(), instants_near_a_busy_day(), durations)
def test_the_time_added_is_the_time_that_has_passed_and_no_earlier_instant_will_do(
    data: CalendarData, start: datetime, duration: timedelta
) -> None:
    calendar = Calendar(data)
    due = calendar.add_business_time(start, duration)
    assert calendar.business_time_between(start, due) == duration
    if duration:
        assert calendar.business_time_between(start, due - timedelta(microseconds=1)) < duration
    else:
        assert due == start


@slow
@given(calendars(), instants_near_a_busy_day(), durations, durations)
def test_adding_in_two_steps_is_adding_at_once(
    data: CalendarData, start: datetime, first: timedelta, then: timedelta
) -> None:
    calendar = Calendar(data)
    assert calendar.add_business_time(calendar.add_business_time(start, first), then) == calendar.add_business_time(
        start, first + then
    )


@slow
@given(
    calendars(),
    st.lists(instants_near_a_busy_day(), min_size=2, max_size=2),
    st.lists(durations, min_size=2, max_size=2),
)
def test_a_later_start_or_a_longer_duration_is_never_due_earlier(
    data: CalendarData, starts: list[datetime], lengths: list[timedelta]
) -> None:
    calendar = Calendar(data)
    sooner, later = sorted(starts)
    shorter, longer = sorted(lengths)
    assert calendar.add_business_time(sooner, shorter) <= calendar.add_business_time(later, shorter)
    assert calendar.add_business_time(sooner, shorter) <= calendar.add_business_time(sooner, longer)


@slow
@given(calendars(), st.lists(instants_near_a_busy_day(), min_size=3, max_size=3))
def test_time_through_a_midpoint_is_the_sum_of_both_parts(data: CalendarData, instants: list[datetime]) -> None:
    calendar = Calendar(data)
    a, b, c = instants
    assert calendar.business_time_between(a, b) + calendar.business_time_between(
        b, c
    ) == calendar.business_time_between(a, c)


@slow
@given(calendars(), st.dates(date(2025, 1, 1), date(2027, 12, 31)), st.integers(1, 40))
def test_counting_working_days_passes_exactly_that_many(data: CalendarData, day: date, n: int) -> None:
    calendar = Calendar(data)
    reached = calendar.add_working_days(day, n)
    passed = [day + timedelta(days=i) for i in range(1, (reached - day).days + 1)]
    assert sum(calendar.is_working_day(each) for each in passed) == n
    assert calendar.is_working_day(reached)
    assert calendar.add_working_days(reached, -n) <= calendar.working_day_on_or_after(day)

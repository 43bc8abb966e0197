"""The calendar's arithmetic against the slow model, in zones that change their clocks and zones that do not."""

import itertools
from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from libs.kit.calendar import Calendar, CalendarData, NamedDate, WeeklyWindow
from libs.kit.tests.wall_clock_model import MINUTE, open_minutes

Scene = tuple[CalendarData, list[datetime]]
MICROSECOND = timedelta(microseconds=1)

# Where and around which day an example happens: mostly days on which the clocks there change.
SCENES = [
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Asia/Ho_Chi_Minh", date(2026, 2, 17)),
    ("Asia/Riyadh", date(2026, 2, 22)),
    ("America/Havana", date(2026, 3, 8)),  # the day begins at 01:00
    ("America/Havana", date(2026, 11, 1)),  # 00:30 comes twice
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour
    ("America/St_Johns", date(2010, 11, 7)),  # from 00:01 back to 23:01 of the day before
]


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
def scenes(draw: st.DrawFn, instants: int = 1, unit: timedelta = MINUTE) -> tuple[CalendarData, list[datetime]]:
    """A calendar and some instants around a day on which its clocks may change, in whole `unit`s."""
    zone, day = draw(st.sampled_from(SCENES))
    day_kinds = draw(st.lists(windows_of_a_day().filter(bool), min_size=1, max_size=2))
    weekdays = draw(st.lists(st.sampled_from([-1, *range(len(day_kinds))]), min_size=7, max_size=7))
    weekdays[draw(st.integers(0, 6))] = 0
    windows = tuple(
        WeeklyWindow(weekdays=(weekday,), opens=clock(opens), closes=clock(closes))
        for weekday, kind in enumerate(weekdays)
        if kind >= 0
        for opens, closes in day_kinds[kind]
    )
    data = CalendarData(
        time_zone=zone,
        windows=windows,
        closed=(NamedDate(date=day, name="Flood"),) if draw(st.integers(0, 4)) == 0 else (),
    )
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    near = st.integers(-timedelta(days=1) // unit, timedelta(days=2) // unit)
    return data, [midnight + draw(near) * unit for _ in range(instants)]


durations = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=20))
slow = settings(deadline=None, max_examples=80)


@slow
@given(scenes(), st.integers(0, 4000))
def test_business_time_is_the_number_of_minutes_the_door_is_seen_open(scene: Scene, minutes: int) -> None:
    data, [start] = scene
    end = start + minutes * MINUTE
    seen = list(open_minutes(data, start, end))
    assert Calendar(data).business_time_between(start, end) == len(seen) * MINUTE
    assert Calendar(data).business_time_between(end, start) == -len(seen) * MINUTE


@slow
@given(scenes(), st.integers(0, 4000))
def test_adding_business_time_gives_the_first_instant_at_which_it_has_passed(scene: Scene, minutes: int) -> None:
    data, [start] = scene
    seen = list(open_minutes(data, start, start + minutes * MINUTE))
    first = seen[-1] + MINUTE if seen else start
    assert Calendar(data).add_business_time(start, len(seen) * MINUTE) == first


@slow
@given(scenes())
def test_a_calendar_is_open_when_its_next_window_has_begun(scene: Scene) -> None:
    data, [instant] = scene
    calendar = Calendar(data)
    window = calendar.next_window(instant)
    seen_open = list(open_minutes(data, instant, instant + MINUTE)) == [instant]
    assert calendar.is_open(instant) == seen_open == (window.start <= instant)
    assert instant < window.end
    assert calendar.business_time_between(instant, window.end) == window.end - max(instant, window.start)


@slow
@given(scenes(unit=MICROSECOND), durations)
def test_the_time_added_has_passed_and_no_earlier_instant_will_do(scene: Scene, duration: timedelta) -> None:
    data, [start] = scene
    calendar = Calendar(data)
    due = calendar.add_business_time(start, duration)
    assert calendar.business_time_between(start, due) == duration
    if duration:
        assert calendar.business_time_between(start, due - MICROSECOND) < duration
    else:
        assert due == start


@slow
@given(scenes(unit=MICROSECOND), durations, durations)
def test_adding_in_two_steps_is_adding_at_once(scene: Scene, first: timedelta, then: timedelta) -> None:
    data, [start] = scene
    calendar = Calendar(data)
    halfway = calendar.add_business_time(start, first)
    assert calendar.add_business_time(halfway, then) == calendar.add_business_time(start, first + then)


@slow
@given(scenes(instants=2, unit=MICROSECOND), durations, durations)
def test_a_later_start_or_a_longer_duration_is_never_due_earlier(
    scene: Scene, one: timedelta, other: timedelta
) -> None:
    data, instants = scene
    calendar = Calendar(data)
    sooner, later = sorted(instants)
    shorter, longer = sorted([one, other])
    assert calendar.add_business_time(sooner, shorter) <= calendar.add_business_time(later, shorter)
    assert calendar.add_business_time(sooner, shorter) <= calendar.add_business_time(sooner, longer)


@slow
@given(scenes(instants=3, unit=MICROSECOND))
def test_time_through_a_midpoint_is_the_sum_of_both_parts(scene: Scene) -> None:
    data, [a, b, c] = scene
    between = Calendar(data).business_time_between
    assert between(a, b) + between(b, c) == between(a, c)


@slow
@given(scenes(), st.integers(1, 40))
def test_counting_working_days_passes_exactly_that_many(scene: Scene, n: int) -> None:
    data, [instant] = scene
    calendar = Calendar(data)
    day = calendar.local_date(instant)
    reached = calendar.add_working_days(day, n)
    passed = [day + timedelta(days=i) for i in range(1, (reached - day).days + 1)]
    assert sum(calendar.is_working_day(each) for each in passed) == n
    assert calendar.is_working_day(reached)
    assert calendar.add_working_days(reached, -n) <= day

"""Particular days and hours that a calendar must get right."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from libs.kit.calendar import Calendar, CalendarData, CalendarError, NamedDate, WeeklyWindow, calendar
from libs.kit.calendar_data import usual_calendar

MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)
SUNDAY_TO_THURSDAY = (6, 0, 1, 2, 3)
HOUR = timedelta(hours=1)


def week(weekdays: tuple[int, ...] = MONDAY_TO_FRIDAY, opens: str = "08:00", closes: str = "17:00") -> WeeklyWindow:
    return WeeklyWindow(weekdays=weekdays, opens=opens, closes=closes)


def a_calendar(
    zone: str = "Asia/Ho_Chi_Minh",
    *windows: WeeklyWindow,
    country: str | None = None,
    closed: dict[date, str] | None = None,
    working: dict[date, str] | None = None,
) -> Calendar:
    return calendar(
        CalendarData(
            time_zone=zone,
            windows=windows or (week(),),
            holidays_country=country,
            closed=tuple(NamedDate(date=day, name=name) for day, name in (closed or {}).items()),
            working=tuple(NamedDate(date=day, name=name) for day, name in (working or {}).items()),
        )
    )


def local(calendar_: Calendar, *parts: int) -> datetime:
    year, month, day, hour, minute = (*parts, 0, 0)[:5]
    return datetime(year, month, day, hour, minute, tzinfo=calendar_.zone)


def test_tet_closes_a_vietnamese_calendar_and_says_so_in_both_languages() -> None:
    hanoi = a_calendar(country="VN")
    assert hanoi.closure_reason(date(2026, 2, 17)) == "Lunar New Year"
    assert "Nguyên" in (hanoi.closure_reason(date(2026, 2, 17), "vi") or "")
    assert hanoi.next_working_day(date(2026, 2, 13)) == date(2026, 2, 23)


def test_a_saudi_weekend_is_friday_and_saturday() -> None:
    riyadh = a_calendar("Asia/Riyadh", week(SUNDAY_TO_THURSDAY), country="SA")
    assert riyadh.closure_reason(date(2026, 7, 3)) == "weekend"
    assert riyadh.closure_reason(date(2026, 7, 4), "vi") == "cuối tuần"
    assert riyadh.next_working_day(date(2026, 7, 2)) == date(2026, 7, 5)


def test_a_language_the_country_does_not_have_falls_back_to_english() -> None:
    assert a_calendar("America/New_York", country="US").closure_reason(date(2026, 12, 25), "vi") == "Christmas Day"


def test_new_year_observed_in_the_old_year_is_known() -> None:
    assert a_calendar("America/New_York", country="US").closure_reason(date(2027, 12, 31)) is not None


def test_a_flood_closes_a_day_and_is_named() -> None:
    flooded = a_calendar(closed={date(2026, 10, 14): "Flood in District 7"})
    assert flooded.closure_reason(date(2026, 10, 14)) == "Flood in District 7"
    assert flooded.next_working_day(date(2026, 10, 13)) == date(2026, 10, 15)


def test_a_worked_saturday_has_the_hours_of_the_weeks_first_day() -> None:
    saturday = date(2026, 8, 22)
    hanoi = a_calendar(country="VN", working={saturday: "worked for 31 August"})
    assert hanoi.closure_reason(saturday) is None
    assert hanoi.windows_on(saturday) == ((hanoi.at(saturday, "08:00"), hanoi.at(saturday, "17:00")),)


def test_a_worked_holiday_is_open_and_a_closure_beats_it() -> None:
    tet, both = date(2026, 2, 17), date(2026, 2, 18)
    depot = a_calendar(country="VN", working={tet: "Tết shift", both: "Tết shift"}, closed={both: "Power cut"})
    assert depot.is_working_day(tet)
    assert depot.closure_reason(both) == "Power cut"


def test_working_days_are_counted_strictly_after_the_day() -> None:
    office = a_calendar()
    friday, saturday, monday = date(2026, 7, 3), date(2026, 7, 4), date(2026, 7, 6)
    assert office.next_working_day(friday) == office.next_working_day(saturday) == monday
    assert office.next_working_day(friday, 2) == date(2026, 7, 7)
    assert office.add_working_days(friday, 10) == date(2026, 7, 17)
    assert office.add_working_days(monday, -1) == friday
    assert office.add_working_days(saturday, 0) == office.working_day_on_or_after(saturday) == monday
    assert office.working_day_on_or_after(friday) == friday
    with pytest.raises(CalendarError):
        office.next_working_day(friday, 0)


def test_time_runs_in_several_windows_of_one_day() -> None:
    shop = a_calendar("Asia/Ho_Chi_Minh", week(opens="08:00", closes="12:00"), week(opens="13:30", closes="17:30"))
    friday = local(shop, 2026, 7, 3, 11)
    assert shop.add_business_time(friday, HOUR) == local(shop, 2026, 7, 3, 12)
    assert shop.add_business_time(friday, 2 * HOUR) == local(shop, 2026, 7, 3, 14, 30)
    assert shop.add_business_time(friday, 6 * HOUR) == local(shop, 2026, 7, 6, 9)
    assert not shop.is_open(local(shop, 2026, 7, 3, 12))
    assert shop.next_window(local(shop, 2026, 7, 3, 12)).start == local(shop, 2026, 7, 3, 13, 30)


def test_a_night_shift_written_as_two_windows_runs_through_midnight() -> None:
    nights = a_calendar("UTC", week(opens="22:00", closes="24:00"), week((1, 2, 3, 4, 5), "00:00", "06:00"))
    assert nights.add_business_time(local(nights, 2026, 7, 3, 23), 3 * HOUR) == local(nights, 2026, 7, 4, 2)


def test_round_the_clock_time_is_plain_time() -> None:
    always = Calendar(CalendarData.round_the_clock("America/New_York"))
    start = datetime(2026, 3, 7, 20, tzinfo=UTC)
    assert always.add_business_time(start, timedelta(days=30)) == start + timedelta(days=30)
    assert always.business_time_between(start, start + timedelta(days=300)) == timedelta(days=300)


def test_an_hour_that_the_clocks_skip_is_not_worked() -> None:
    nights = a_calendar("America/New_York", week((6,), "01:00", "04:00"))
    assert nights.business_time_between(local(nights, 2026, 3, 8), local(nights, 2026, 3, 9)) == 2 * HOUR
    assert nights.at(date(2026, 3, 8), "02:30") == datetime(2026, 3, 8, 7, tzinfo=UTC)


def test_an_hour_that_the_clocks_repeat_is_worked_twice_by_the_window_that_spans_it() -> None:
    nights = a_calendar("Europe/Berlin", week((6,), "01:00", "04:00"))
    assert nights.business_time_between(local(nights, 2026, 10, 25), local(nights, 2026, 10, 26)) == 4 * HOUR
    short = a_calendar("Europe/Berlin", week((6,), "02:15", "02:45"))
    assert len(short.windows_on(date(2026, 10, 25))) == 1


def test_instants_in_a_repeated_hour_are_told_apart() -> None:
    always = Calendar(CalendarData.round_the_clock("America/New_York"))
    zone = ZoneInfo("America/New_York")
    first, second = (datetime(2026, 11, 1, 1, 30, fold=fold, tzinfo=zone) for fold in (0, 1))
    assert always.business_time_between(first, second) == HOUR
    assert always.add_business_time(first, HOUR) == second.astimezone(UTC)


def test_a_window_that_began_stays_open_while_the_clock_shows_yesterday_again() -> None:
    sundays = a_calendar("America/St_Johns", week((6,), "00:00", "06:00"))
    began = sundays.at(date(2010, 11, 7), "00:00")  # a minute later the clock went back to 23:01 of Saturday
    assert sundays.local_date(began + HOUR / 2) == date(2010, 11, 6)
    assert sundays.is_open(began + HOUR / 2)
    assert sundays.business_time_between(began, began + HOUR / 2) == HOUR / 2
    assert sundays.next_window(began + HOUR / 2).start == began


def test_a_calendar_with_nothing_open_for_two_years_is_refused_clearly() -> None:
    closed = {date(2026, 1, 1) + timedelta(days=i): "Moved out" for i in range(800)}
    empty = a_calendar(closed=closed)
    with pytest.raises(CalendarError, match="two years"):
        empty.add_business_time(datetime(2026, 1, 1, tzinfo=UTC), HOUR)
    with pytest.raises(CalendarError, match="two years of 2026-01-05"):
        empty.next_working_day(date(2026, 1, 5))
    a, b = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    assert empty.business_time_between(a, b) == timedelta(0)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(CalendarError, match="time zone"):
        a_calendar().add_business_time(datetime(2026, 1, 1), HOUR)  # noqa: DTZ001
    with pytest.raises(CalendarError, match="forwards"):
        a_calendar().add_business_time(datetime(2026, 1, 1, tzinfo=UTC), -HOUR)


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Mars/Olympus"},
        {"windows": []},
        {"windows": [{"weekdays": [7], "opens": "08:00", "closes": "17:00"}]},
        {"windows": [{"weekdays": [0], "opens": "17:00", "closes": "08:00"}]},
        {"windows": [{"weekdays": [0], "opens": "24:00", "closes": "24:00"}]},
        {"windows": [{"weekdays": [0], "opens": o, "closes": c} for o, c in (("08:00", "12:00"), ("11:00", "17:00"))]},
        {"holidays_country": "XX"},
        {"holidays_country": "VN", "holidays_subdivision": "ZZ"},
        {"holiday": "VN"},
    ],
)
def test_a_calendar_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    right = {"time_zone": "UTC", "windows": [{"weekdays": [0], "opens": "08:00", "closes": "24:00"}]}
    assert CalendarData.model_validate(right).time_zone == "UTC"
    with pytest.raises(ValidationError):
        CalendarData.model_validate(right | wrong)


def test_a_calendar_survives_json_and_equal_data_share_one_calendar() -> None:
    data = a_calendar(country="VN", closed={date(2026, 10, 14): "Flood"}).data
    again = CalendarData.model_validate_json(data.model_dump_json())
    assert again == data
    assert calendar(again) is calendar(data)


def test_a_working_day_ends_with_the_midnight_after_it() -> None:
    office = a_calendar()
    tuesday = datetime(2026, 3, 3, 2, tzinfo=UTC)

    assert office.end_of_working_day(tuesday, 5) == (date(2026, 3, 10), datetime(2026, 3, 10, 17, tzinfo=UTC))
    assert office.end_of_working_day(datetime(2026, 3, 6, 20, tzinfo=UTC), 1).day == date(2026, 3, 9), "Saturday there"


@pytest.mark.parametrize(
    ("country", "region", "day", "reason"),
    [
        ("DE", "Bayern", date(2026, 6, 4), "Corpus Christi"),
        ("DE", "de-by", date(2026, 6, 4), "Corpus Christi"),
        ("DE", "nowhere", date(2026, 6, 4), None),
        ("DE", None, date(2026, 5, 25), "Pentecost Monday"),
        ("SA", None, date(2026, 5, 22), "weekend"),
        ("SA", None, date(2026, 5, 24), None),
        ("XX", "anywhere", date(2026, 5, 25), None),
        ("XX", None, date(2026, 5, 24), "weekend"),
    ],
)
def test_a_place_has_its_country_s_week_and_holidays(
    country: str, region: str | None, day: date, reason: str | None
) -> None:
    assert calendar(usual_calendar(country, region, "UTC")).closure_reason(day) == reason

"""Where and when, as arithmetic."""

from datetime import UTC, date, datetime, timedelta

import pytest

from libs.events.values import OpeningHours, Site
from libs.kit.calendar import Calendar
from libs.kit.text import name_key
from services.onsite.model.closures import business_days
from services.onsite.model.hours import site_calendar
from services.onsite.model.places import Location, kilometres, travel_time
from services.onsite.model.policy import OnsitePolicy
from services.onsite.tests.builders import BEN_THANH, THU_DUC, a_site

CENTRE, EAST = (Location(latitude=lat, longitude=lon) for lat, lon in (BEN_THANH, THU_DUC))
POLICY = OnsitePolicy()


def hours_of(site: Site) -> Calendar:
    return site_calendar(site, POLICY, business_days(site))


def test_the_distance_is_the_great_circles() -> None:
    hanoi = Location(latitude=21.0278, longitude=105.8342)

    assert kilometres(CENTRE, hanoi) == pytest.approx(1144, abs=3)
    assert kilometres(CENTRE, CENTRE) == 0


def test_the_way_takes_the_policys_speed_and_never_less_than_its_minimum() -> None:
    assert travel_time(CENTRE, EAST, POLICY) == timedelta(minutes=28)
    assert travel_time(CENTRE, CENTRE, POLICY) == timedelta(minutes=15)
    assert travel_time(CENTRE, None, POLICY) == timedelta(minutes=45)


def test_a_citys_name_is_one_with_and_without_its_marks() -> None:
    assert name_key("Đà Nẵng") == name_key("da  nang") == "da nang"


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ([], [("08:30", "17:30")]),
        ([("08:00", "12:00"), ("11:00", "17:00")], [("08:00", "17:00")]),
        ([("22:00", "02:00")], [("00:00", "02:00"), ("22:00", "24:00")]),
    ],
)
def test_opening_hours_are_taken_as_they_were_told(
    hours: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    told = [OpeningHours(weekdays=list(range(7)), opens=opens, closes=closes) for opens, closes in hours]

    calendar = hours_of(a_site(opening_hours=told, time_zone="UTC", country="AQ"))

    midnight = datetime(2026, 3, 4, tzinfo=UTC)
    found = [((w.start - midnight), (w.end - midnight)) for w in calendar.windows_on(date(2026, 3, 4))]
    assert found == [
        tuple(timedelta(hours=int(clock[:2]), minutes=int(clock[3:])) for clock in span) for span in expected
    ]


@pytest.mark.promise("S26")
@pytest.mark.parametrize(("region", "closed"), [("ENG", True), ("England", True), ("GB-ENG", True), ("SCT", False)])
def test_a_regions_holidays_are_those_of_its_sites(region: str, closed: bool) -> None:
    easter_monday = date(2027, 3, 29)

    calendar = hours_of(a_site(country="GB", region=region, time_zone="Europe/London"))

    assert calendar.is_working_day(easter_monday) != closed
    assert not calendar.is_working_day(date(2027, 3, 26)), "Good Friday"


def test_a_site_that_told_no_hours_is_closed_at_its_countrys_weekend() -> None:
    calendar = hours_of(a_site(country="SA", time_zone="Asia/Riyadh", opening_hours=[]))

    week = [date(2027, 5, 2) + timedelta(days=n) for n in range(7)]  # from a Sunday
    assert [calendar.is_working_day(day) for day in week] == [True] * 5 + [False] * 2


def test_a_zone_that_is_none_does_not_stop_a_fact() -> None:
    calendar = hours_of(a_site(time_zone="Mars/Olympus"))

    assert calendar.zone.key == "UTC"

"""Business days: as long as that day's own windows, and those of the country and region that the case is in."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.events.escalation import ClockStarted
from libs.kit.calendar import CalendarData, WeeklyWindow, calendar
from libs.kit.calendar_data import usual_calendar
from services.escalation.model.clock_face import InDays
from services.escalation.tests.builders import ACase
from services.escalation.tests.slow_clock_model import slow_due
from tests.support.harness import Harness

Spans = tuple[tuple[str, str], ...]
OFFICE: Spans = (("08:00", "12:00"), ("13:00", "17:00"))
PLACES = [
    ("DE", "Bayern", "BY", "Europe/Berlin", {5, 6}),
    ("GB", None, None, "Europe/London", {5, 6}),
    ("US", "us-ca", "CA", "America/New_York", {5, 6}),
    ("VN", None, None, "Asia/Ho_Chi_Minh", {5, 6}),
    ("SA", None, None, "Asia/Riyadh", {4, 5}),
    ("IL", None, None, "Asia/Jerusalem", {4, 5}),
    ("AU", "NSW", "NSW", "Australia/Lord_Howe", {5, 6}),
    ("CL", None, None, "America/Santiago", {5, 6}),
    ("XX", "anywhere", None, "Europe/Berlin", {5, 6}),
]
# Around the clock changes of spring and autumn, Tết and Easter.
MONTHS = [(2026, 2), (2026, 3), (2026, 4), (2026, 9), (2026, 10), (2026, 12)]
instants = st.builds(
    lambda month, minute: datetime(month[0], month[1], 1, tzinfo=UTC) + timedelta(minutes=minute),
    st.sampled_from(MONTHS),
    st.integers(0, 30 * 1440),
)
amounts = st.integers(1, 24).map(lambda quarters: Fraction(quarters, 4))


@settings(deadline=None, max_examples=60)
@given(
    place=st.sampled_from(PLACES), start=instants, days=amounts, hours=st.sampled_from([OFFICE, (("00:00", "24:00"),)])
)
def test_business_days_of_a_country_agree_with_walking_minute_by_minute(
    place: tuple[str, str | None, str | None, str, set[int]], start: datetime, days: Fraction, hours: Spans
) -> None:
    country, region, subdivision, zone, weekend = place
    free = {} if country == "XX" else holidays.country_holidays(country, subdiv=subdivision)

    def worked(day: date) -> Spans:
        return () if day.weekday() in weekend or day in free else hours

    face = InDays(calendar(usual_calendar(country, region, zone, hours)))
    assert_agree(face, start, days, zone, worked)


@st.composite
def weeks(draw: st.DrawFn) -> dict[int, Spans]:
    """Windows of their own on each weekday, in quarters of an hour."""
    found: dict[int, Spans] = {}
    for weekday in draw(st.sets(st.integers(0, 6), min_size=2)):
        cuts = sorted(draw(st.sets(st.integers(0, 96), min_size=2, max_size=4)))
        texts = [f"{cut // 4:02}:{cut % 4 * 15:02}" for cut in cuts]
        found[weekday] = tuple(zip(texts[::2], texts[1::2], strict=False))
    return found


@settings(deadline=None, max_examples=60)
@given(
    week=weeks(),
    start=instants,
    days=amounts,
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "UTC"]),
)
def test_business_days_of_any_length_agree_with_walking_minute_by_minute(
    week: dict[int, Spans], start: datetime, days: Fraction, zone: str
) -> None:
    windows = tuple(
        WeeklyWindow(weekdays=(weekday,), opens=opens, closes=closes)
        for weekday, spans in week.items()
        for opens, closes in spans
    )
    face = InDays(calendar(CalendarData(time_zone=zone, windows=windows)))
    assert_agree(face, start, days, zone, lambda day: week.get(day.weekday(), ()))


def assert_agree(face: InDays, start: datetime, days: Fraction, zone: str, worked: Any) -> None:
    due = face.add(start, days)
    assert abs(due - slow_due(start, days, zone, worked)) <= timedelta(microseconds=1)
    middle = start + (due - start) / 3
    assert face.between(start, middle) + face.between(middle, due) == face.between(start, due)
    assert abs(face.between(start, due) - days) <= Fraction(1, 3_600_000_000)


async def clocks(escalation: Harness, case: ACase) -> dict[str, str]:
    listed = (await escalation.get(f"/v1/clocks?case_id={case.id}")).json()["items"]
    return {each["kind"]: each["due_at"] for each in listed}


@pytest.mark.promise("S24")
async def test_a_german_case_runs_on_german_business_days_without_a_policy(escalation: Harness) -> None:
    # Friday evening before Whit Monday, which Viet Nam does not keep.
    case = ACase(datetime.fromisoformat("2026-05-22T20:00:00+02:00"), "moderate")
    await escalation.deliver(case.opened())
    assert (await clocks(escalation, case))["first_response"] == "2026-05-25T05:00:00Z"
    await escalation.deliver(case.covered(country="DE", time_zone="Europe/Berlin"))
    assert await clocks(escalation, case) == {
        "first_response": "2026-05-26T10:00:00Z",
        "update": "2026-05-27T15:00:00Z",
        "resolution": "2026-06-01T15:00:00Z",
    }
    await escalation.deliver(case.covered(revision=2, country="DE", region="Bayern", time_zone="Europe/Berlin"))
    assert (await clocks(escalation, case))["resolution"] == "2026-06-01T15:00:00Z"  # Corpus Christi is on 4 June


async def test_a_region_keeps_its_own_holidays(escalation: Harness) -> None:
    for region, due in ((None, "2026-06-08T15:00:00Z"), ("Bayern", "2026-06-09T15:00:00Z")):
        case = ACase(datetime.fromisoformat("2026-06-02T07:00:00+02:00"), "moderate")
        where: dict[str, Any] = {"country": "DE", "region": region, "time_zone": "Europe/Berlin"}
        await escalation.deliver(case.opened(), case.covered(**where))
        assert (await clocks(escalation, case))["resolution"] == due


async def test_until_cover_is_decided_the_account_s_country_is_taken(escalation: Harness) -> None:
    earlier = ACase(datetime.fromisoformat("2026-05-01T08:00:00Z"), "moderate")
    await escalation.deliver(earlier.opened(), earlier.covered(country="DE", time_zone="Europe/Berlin"))
    case = ACase(datetime.fromisoformat("2026-05-22T20:00:00+02:00"), "moderate")
    await escalation.deliver(case.opened())
    assert (await clocks(escalation, case))["first_response"] == "2026-05-26T10:00:00Z"
    await escalation.deliver(case.covered(country="FR", time_zone="Europe/Paris"))
    other = ACase(datetime.fromisoformat("2026-05-22T20:00:00+02:00"), "moderate")
    await escalation.deliver(other.opened(account_id=UUID(int=99)))
    assert (await clocks(escalation, other))["first_response"] == "2026-05-25T05:00:00Z"


async def test_five_business_days_are_five_days_also_where_monday_is_short(escalation: Harness) -> None:
    windows = [
        {"weekdays": [0], "opens": "13:00", "closes": "17:00"},
        {"weekdays": [1, 2, 3, 4], "opens": "08:00", "closes": "17:00"},
    ]
    settings = {"calendar": {"time_zone": "UTC", "windows": windows}}
    made = await escalation.post(
        "/v1/escalation-policies", {"settings": settings, "why": "a short Monday"}, role="manager"
    )
    assert made.status_code == 201
    monday = await escalation.now() + timedelta(days=7)
    monday = (monday - timedelta(days=monday.weekday())).replace(hour=6, minute=0, second=0, microsecond=0)
    case = ACase(monday, "moderate")
    await escalation.deliver(case.opened())
    due = (await clocks(escalation, case))["resolution"]
    assert datetime.fromisoformat(due) == monday.replace(hour=17) + timedelta(days=4)
    [started] = [each for each in await escalation.events(ClockStarted) if each.clock == "resolution"]
    assert started.target_seconds == (4 + 4 * 9) * 3600
    half = await escalation.get(f"/v1/clocks?case_id={case.id}")
    [thresholds] = [each["thresholds"] for each in half.json()["items"] if each["kind"] == "resolution"]
    # 3.75 days: three quarters of Thursday
    thursday = monday + timedelta(days=3)
    assert datetime.fromisoformat(thresholds["75"]) == thursday.replace(hour=14, minute=45)

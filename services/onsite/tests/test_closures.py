"""Nobody is sent to a closed door: public holidays of country and region, closures that entitlements tells, and the site's own."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from libs.events.entitlements import CalendarState, SiteDaysState
from libs.events.onsite import VisitRescheduled
from libs.events.values import NamedDay
from services.onsite.tests.builders import (
    ACCOUNT,
    PATH,
    SITE,
    WEDNESDAY,
    a_planned_visit,
    a_site,
    an_id,
    do,
    to_the_day,
)
from tests.support.harness import Harness

DAY = timedelta(days=1)
WEEK = {"weekdays": [0, 1, 2, 3, 4], "opens": "08:00", "closes": "18:00"}


def flood(*days: datetime, **how: Any) -> CalendarState:
    closed = [{"date": day.date(), "name": "Lũ lụt"} for day in days]
    return CalendarState.model_validate({"country": "VN", "windows": [WEEK], "closed": closed, **how})


def of_the_site(*days: datetime) -> SiteDaysState:
    place = a_site().model_dump(include={"city", "country", "time_zone", "opening_hours"})
    closed = [NamedDay(date=day.date(), name="the firm's anniversary") for day in days]
    return SiteDaysState(account_id=ACCOUNT, closed=closed, **place)


@pytest.mark.promise("S26")
@pytest.mark.parametrize("told", [flood(WEDNESDAY), of_the_site(WEDNESDAY)], ids=["the country", "the site"])
async def test_a_day_that_closes_moves_its_visit_and_is_offered_no_more(onsite: Harness, told: Any) -> None:
    await a_planned_visit(onsite)
    await onsite.learn({SITE if isinstance(told, SiteDaysState) else an_id("calendar"): told})
    await onsite.fire_timers()
    [moved] = await onsite.events(VisitRescheduled)
    assert moved.new is not None
    assert (moved.new.starts, moved.reason) == (WEDNESDAY + DAY, "site_closed")
    offered = (await onsite.get(f"{PATH}/slots")).json()["items"]
    assert offered
    assert min(each["window"]["starts"] for each in offered) >= (WEDNESDAY + DAY).isoformat()[:10]


@pytest.mark.promise("S26")
async def test_a_flood_after_the_delivery_moves_the_visit(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await onsite.learn({an_id("calendar"): flood(WEDNESDAY)})
    await onsite.fire_timers()
    [moved] = await onsite.events(VisitRescheduled)
    assert moved.new is not None
    assert moved.new.starts == WEDNESDAY + DAY


@pytest.mark.parametrize(
    "told",
    [flood(WEDNESDAY + 5 * DAY), flood(WEDNESDAY, country="SG"), flood(WEDNESDAY, region="North")],
    ids=["another day", "another country", "another region"],
)
async def test_what_closes_elsewhere_or_on_another_day_moves_nothing(onsite: Harness, told: CalendarState) -> None:
    await a_planned_visit(onsite)
    await onsite.learn({an_id("calendar"): told})
    await onsite.fire_timers()
    assert not await onsite.events(VisitRescheduled)


async def test_a_visit_on_the_road_is_left_alone(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await to_the_day(onsite)
    await do(onsite, "depart")
    await onsite.learn({an_id("calendar"): flood(WEDNESDAY)})
    await onsite.fire_timers()
    assert not await onsite.events(VisitRescheduled)

"""A new version of the numbers reaches the cases under way."""

from datetime import datetime, timedelta
from typing import Any

from libs.events.escalation import ClockMet, ThresholdBreached
from services.escalation.tests.builders import ACase, a_case, now_after
from tests.support.harness import Harness

QUICK = {"P1": {"minutes": 10}, "P2": {"minutes": 20}, "P3": {"minutes": 30}, "P4": {"minutes": 40}}

BERLIN = {"time_zone": "Europe/Berlin", "windows": [{"weekdays": [0, 1, 2, 3, 4], "opens": "08:00", "closes": "17:00"}]}


async def change(escalation: Harness, settings: dict[str, Any], **selectors: str) -> None:
    body = {"settings": settings, "why": "a stricter promise", **selectors}
    assert (await escalation.post("/v1/escalation-policies", body, role="manager")).status_code == 201


async def _breaches(escalation: Harness) -> list[tuple[str, int | None]]:
    return [(e.rule, e.percent) for e in await escalation.events(ThresholdBreached)]


async def test_a_stricter_policy_brings_forward_what_is_due(escalation: Harness) -> None:
    case = await a_case(escalation)
    await change(escalation, {"first_response": QUICK})
    await escalation.fire_timers()

    [clock] = (await escalation.get(f"/v1/clocks?case_id={case.id}&kind=first_response")).json()["items"]
    assert (clock["target_seconds"], clock["policy_version"] > 0) == (600, True)
    await escalation.advance(timedelta(minutes=11))
    assert await _breaches(escalation) == [("first_response", 75), ("first_response", 100)]


async def test_a_milder_policy_puts_off_what_was_armed(escalation: Harness) -> None:
    await a_case(escalation)
    await escalation.advance(timedelta(minutes=20))
    await change(escalation, {"first_response": {name: {"minutes": 60} for name in QUICK}})
    await escalation.advance(timedelta(minutes=20))
    assert await _breaches(escalation) == []
    await escalation.advance(timedelta(minutes=6))
    assert await _breaches(escalation) == [("first_response", 75)]


async def test_what_was_met_keeps_the_policy_that_held_then(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.advance(timedelta(minutes=15))
    await escalation.deliver(case.responded(await now_after(escalation, case)))
    await change(escalation, {"first_response": QUICK})
    await escalation.advance(timedelta(minutes=1))

    assert await _breaches(escalation) == []
    [met] = [e for e in await escalation.events(ClockMet) if e.clock == "first_response"]
    assert met.in_time


async def test_plan_and_country_select_the_numbers_from_the_opening_on(escalation: Harness) -> None:
    await change(escalation, {"first_response": QUICK}, plan="gold", region="VN")
    case = await a_case(escalation)
    await escalation.deliver(case.covered("gold"))

    [clock] = (await escalation.get(f"/v1/clocks?case_id={case.id}&kind=first_response")).json()["items"]
    assert clock["target_seconds"] == 600
    await escalation.deliver(case.covered("poly-plus", revision=2), case.covered("gold", revision=1))
    [clock] = (await escalation.get(f"/v1/clocks?case_id={case.id}&kind=first_response")).json()["items"]
    assert clock["target_seconds"] == 1800


async def test_a_calendar_that_cannot_be_is_refused_with_a_reason(escalation: Harness) -> None:
    calendar = {"time_zone": "Mars/Olympus", "windows": [{"weekdays": [0], "opens": "08:00", "closes": "12:00"}]}
    refused = await escalation.post(
        "/v1/escalation-policies", {"settings": {"calendar": calendar}, "why": "a test"}, role="manager"
    )
    assert refused.status_code == 422
    assert "Mars/Olympus" in refused.text


async def test_a_corrected_site_changes_the_calendar_and_not_the_start(escalation: Harness) -> None:
    await change(escalation, {"calendar": BERLIN}, region="DE")
    case = ACase(datetime.fromisoformat("2026-03-06T16:00:00+07:00"), "moderate")
    await escalation.deliver(case.opened(), case.covered())
    path = f"/v1/clocks?case_id={case.id}&kind=first_response"
    [before] = (await escalation.get(path)).json()["items"]
    decided = case.covered(revision=2)
    assert decided.site
    berlin = decided.site.model_copy(update={"country": "DE", "time_zone": "Europe/Berlin"})
    await escalation.deliver(decided.model_copy(update={"site": berlin, "corrections": 1}))

    [after] = (await escalation.get(path)).json()["items"]
    # Ten in the morning there: four business hours are over on the same day.
    assert (before["due_at"], after["due_at"]) == ("2026-03-09T04:00:00Z", "2026-03-06T13:00:00Z")
    assert before["started_at"] == after["started_at"] == "2026-03-06T09:00:00Z"

"""Who has a case and does not act on it in their own time loses it; never what waits for others, and nobody who has acted."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.events import Event
from libs.events.cases_work import InternalNoteAdded
from libs.events.escalation import AssigneeProposed
from services.escalation.tests.builders import WHO, ACase, a_case, id_of, now_after
from services.escalation.tests.desk import at_the_desk, automatic, numbers, proposed, took, waiting
from tests.support.harness import Harness

MINUTES = timedelta(minutes=1)


def by(name: str) -> str:
    return f"engineer:{id_of(name)}"


async def given(escalation: Harness, who: str = "An", severity: Any = "critical") -> ACase:
    """A case that this one has had since now."""
    case = await a_case(escalation, severity)
    await escalation.deliver(escalation.delivery(case.given(who, 0), actor=by(who)))
    return case


async def does(escalation: Harness, event: Event, who: str) -> None:
    await escalation.deliver(escalation.delivery(event, actor=by(who)))


def a_note(case: ACase, minutes: float) -> InternalNoteAdded:
    return InternalNoteAdded(
        case_id=case.id, note_id=case.named("n"), origin="support", text="?", added_at=case.at(minutes), **WHO
    )


@pytest.mark.promise("S1")
@pytest.mark.parametrize(("severity", "minutes"), [("critical", 30), ("major", 120)])
async def test_who_does_not_act_in_time_loses_the_case(escalation: Harness, severity: Any, minutes: int) -> None:
    await numbers(escalation)
    await at_the_desk(escalation, "An")
    case = await given(escalation, severity=severity)
    await escalation.advance((minutes - 1) * MINUTES)
    assert await proposed(escalation) == []
    await escalation.advance(2 * MINUTES)
    [told] = await escalation.events(AssigneeProposed)
    assert (told.case_id, told.person_id, told.previous_person_id) == (case.id, None, id_of("An"))
    assert (told.assigned_at, told.idle_since, told.why) == (case.at(0), case.at(0), "not_acted")
    assert timedelta(0) <= told.proposed_at - case.at(minutes) < timedelta(seconds=1)
    [made] = (await escalation.get(f"/v1/assignee-proposals?case_id={case.id}")).json()["items"]
    assert (made["person"], made["previous"]["name"]) == (None, "An")


async def test_what_is_not_urgent_is_not_taken_back_unless_the_policy_says_when(escalation: Harness) -> None:
    await numbers(escalation)
    await at_the_desk(escalation, "An")
    case = await given(escalation, severity="minor")
    await escalation.advance(timedelta(days=3))
    assert await proposed(escalation) == []
    await numbers(escalation, act_within={"P4": 60})
    await escalation.fire_timers()
    assert await proposed(escalation) == [(case.id, None)]


ACTS: dict[str, Callable[[ACase], Event]] = {
    "a word to the customer": lambda case: case.noted(20),
    "an internal note": lambda case: a_note(case, 20),
    "a diagnosis": lambda case: case.diagnosed(20),
    "another severity": lambda case: case.severity_changed("critical", 20),
    "a question that was answered": lambda case: case.pending("customer", 20),
}


@pytest.mark.parametrize("act", ACTS)
async def test_who_has_acted_keeps_the_case(escalation: Harness, act: str) -> None:
    await numbers(escalation)
    await at_the_desk(escalation, "An")
    case = await given(escalation)
    await escalation.advance(20 * MINUTES)
    await does(escalation, ACTS[act](case), "An")
    if "answered" in act:
        await escalation.deliver(case.resumed("customer", 21))
    await escalation.advance(timedelta(days=2))
    assert await proposed(escalation) == []


async def test_what_others_do_is_no_act_of_theirs(escalation: Harness) -> None:
    await numbers(escalation)
    await at_the_desk(escalation, "An")
    case = await given(escalation)
    await escalation.advance(20 * MINUTES)
    await does(escalation, case.noted(20), "Binh")
    await escalation.deliver(case.noted(20, "customer"), case.noted(20, "technician"))
    await escalation.advance(11 * MINUTES)
    assert await proposed(escalation) == [(case.id, None)]


@pytest.mark.parametrize("wait", ["customer", "partner", "part", "visit"])
async def test_while_a_case_waits_it_is_nobodys_fault(escalation: Harness, wait: Any) -> None:
    """Afterwards the time is counted anew."""
    await numbers(escalation)
    await at_the_desk(escalation, "An")
    case = await given(escalation)
    await escalation.advance(20 * MINUTES)
    await escalation.deliver(case.pending(wait, 20))
    await escalation.advance(timedelta(days=2))
    assert await proposed(escalation) == []
    now = await now_after(escalation, case)
    await escalation.deliver(case.resumed(wait, now))
    await escalation.advance(29 * MINUTES)
    assert await proposed(escalation) == []
    await escalation.advance(2 * MINUTES)
    assert await proposed(escalation) == [(case.id, None)]


async def test_only_their_own_hours_count(escalation: Harness) -> None:
    """Given ten minutes before the shift ends, it is taken back twenty minutes after the next one begins."""
    await numbers(escalation)
    now = await escalation.now()
    eve = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1, hours=16, minutes=50)
    hours = {
        "time_zone": "UTC",
        "windows": [{"weekdays": [0, 1, 2, 3, 4, 5, 6], "opens": "08:00", "closes": "17:00"}],
    }
    await at_the_desk(escalation, "An", hours=hours)
    await escalation._hop(eve)
    case = await given(escalation)
    await escalation.advance(timedelta(hours=15, minutes=29))
    assert await proposed(escalation) == []
    await escalation.advance(2 * MINUTES)
    [told] = await escalation.events(AssigneeProposed)
    assert timedelta(0) <= told.proposed_at - (case.at(0) + timedelta(hours=15, minutes=30)) < timedelta(seconds=5)


async def test_other_hours_are_another_time(escalation: Harness) -> None:
    await numbers(escalation)
    now = await escalation.now()
    today, later = now.weekday(), (now + timedelta(days=3)).weekday()
    window = {"weekdays": [today, (today + 1) % 7], "opens": "00:00", "closes": "24:00"}
    member = await at_the_desk(escalation, "An", hours={"time_zone": "UTC", "windows": [window]})
    await given(escalation)
    path = f"/v1/desk-members/{member['id']}"
    etag = (await escalation.get(path)).headers["etag"]
    then = {"hours": {"time_zone": "UTC", "windows": [{**window, "weekdays": [later]}]}}
    assert (await escalation.patch(path, then, etag=etag, role="manager")).status_code == 200
    await escalation.advance(timedelta(days=2))
    assert await proposed(escalation) == []
    await escalation.advance(timedelta(days=2))
    assert len(await proposed(escalation)) == 1


async def test_nothing_is_taken_from_who_is_not_at_the_desk_or_had_it_before(escalation: Harness) -> None:
    """Their shift is not known, or was not when they were given it."""
    await numbers(escalation)
    await given(escalation, "Binh")
    await given(escalation, "An")
    await escalation.advance(10 * MINUTES)
    await at_the_desk(escalation, "An")
    await escalation.advance(timedelta(days=1))
    assert await proposed(escalation) == []


async def test_a_case_that_is_reopened_has_to_be_acted_on_again(escalation: Harness) -> None:
    await numbers(escalation)
    await at_the_desk(escalation, "An")
    case = await given(escalation)
    await does(escalation, case.noted(5), "An")
    await does(escalation, case.resolved(6), "An")
    await escalation.advance(timedelta(days=1))
    assert await proposed(escalation) == []
    now = await now_after(escalation, case)
    await escalation.deliver(escalation.delivery(case.reopened(now), actor="customer:1"))
    await escalation.advance(31 * MINUTES)
    assert await proposed(escalation) == [(case.id, None)]
    assert (await escalation.events(AssigneeProposed))[0].idle_since == case.at(now)


async def test_a_case_is_taken_back_once_for_the_same_time(escalation: Harness) -> None:
    """Cases may leave it with them: they acted meanwhile in a way that is not told here."""
    await numbers(escalation)
    await at_the_desk(escalation, "An")
    case = await given(escalation)
    await escalation.advance(31 * MINUTES)
    await escalation.deliver(case.noted(31, "customer"))
    await escalation.advance(timedelta(days=1))
    assert await proposed(escalation) == [(case.id, None)]
    now = await now_after(escalation, case)
    await escalation.deliver(escalation.delivery(case.given("An", now), actor=by("Binh")))
    await escalation.advance(31 * MINUTES)
    assert await proposed(escalation) == [(case.id, None)] * 2


async def test_what_was_taken_back_is_given_to_somebody_else(escalation: Harness) -> None:
    await automatic(escalation)
    await at_the_desk(escalation, "An")
    case = await waiting(escalation, "critical")
    await escalation.fire_timers()
    await took(escalation)
    await at_the_desk(escalation, "Binh", there=False)
    await escalation.advance(31 * MINUTES)
    assert await proposed(escalation) == [(case.id, "An"), (case.id, None)]
    await escalation.deliver(case.routed("video", await now_after(escalation, case), previous="An"))
    await escalation.fire_timers()
    assert len(await proposed(escalation)) == 2
    await escalation.post("/v1/presence", {"presence": "available"}, role="engineer", person_id=id_of("Binh"))
    await escalation.fire_timers()
    assert (await proposed(escalation))[2:] == [(case.id, "Binh")]
    made = (await escalation.get(f"/v1/assignee-proposals?case_id={case.id}")).json()["items"]
    assert [each["outcome"] for each in made] == ["open", "followed", "followed"]
    assert {each["person"]["name"]: each["why_not"] for each in made[0]["considered"]} == {
        "An": "had_it",
        "Binh": None,
    }


async def test_a_worker_that_was_down_takes_back_what_is_still_idle_alone(escalation: Harness) -> None:
    await numbers(escalation)
    await at_the_desk(escalation, "An")
    idle, acted = await given(escalation), await given(escalation)
    await escalation._hop(idle.at(300))
    await does(escalation, acted.noted(10), "An")
    await escalation.fire_timers()
    assert await proposed(escalation) == [(idle.id, None)]

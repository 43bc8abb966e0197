"""A shift ends: its open P1s are told before, and nobody who is asleep keeps one."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.cases import CaseRouted, ShiftEndsWithOpenCases
from libs.events.cases_work import InternalNoteAdded
from libs.kit.calendar import CalendarData
from services.cases.model.case import Case
from services.cases.model.queue import Queue
from services.cases.tests.builders import LAN_ID, did, in_progress, opened, part_shipped, shown
from services.cases.tests.test_queues import a_queue, hours, midnight, queue, revised
from tests.support.harness import Harness

A_MINUTE = timedelta(minutes=1)


async def to(h: Harness, hour: float) -> None:
    """Moves the clock to this hour of today."""
    now = await h.now()
    await h.advance(now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hour) - now)


async def two_shifts(h: Harness) -> dict[str, Any]:
    """It is just after midnight, and the first one is on duty until noon."""
    await midnight(h)
    early = await a_queue(h, "early", duty=hours("00:00", "12:00"))
    await a_queue(h, "late", duty=hours("12:00", "24:00"))
    await h.fire_timers()
    return early


async def standing(h: Harness, case_id: UUID) -> tuple[str, Any]:
    case = await shown(h, case_id)
    return case["queue"], case["assignee"] and UUID(case["assignee"]["id"])


@pytest.mark.promise("S1")
async def test_half_an_hour_before_a_shift_ends_its_open_p1s_are_told_once(cases: Harness) -> None:
    early = await two_shifts(cases)
    taken, untaken = await in_progress(cases), await opened(cases, serial="SN-2")
    await in_progress(cases, serial="SN-3", severity="major")
    await to(cases, 11.4)
    assert await cases.events(ShiftEndsWithOpenCases) == []

    await to(cases, 11.6)
    [told] = await cases.events(ShiftEndsWithOpenCases)
    assert (told.queue, told.shift, str(told.queue_id)) == ("early", "day", early["id"])
    assert {each.case_id: each.assignee_id for each in told.cases} == {taken: LAN_ID, untaken: None}
    assert timedelta(0) <= told.told_at - (told.ends_at - timedelta(minutes=30)) < A_MINUTE

    await revised(cases, early, name="Early birds")
    await to(cases, 12.5)
    assert await cases.events(ShiftEndsWithOpenCases) == [told]


@pytest.mark.promise("S1")
async def test_a_p1_that_nobody_handed_over_goes_to_those_who_are_awake(cases: Harness) -> None:
    await two_shifts(cases)
    p1, p2 = await in_progress(cases), await in_progress(cases, serial="SN-2", severity="major")
    await to(cases, 12.1)

    assert await standing(cases, p1) == ("late", None)
    assert await standing(cases, p2) == ("early", LAN_ID)
    moved = (await cases.events(CaseRouted))[-1]
    assert (moved.case_id, moved.previous_queue, moved.queue) == (p1, "early", "late")
    assert (moved.previous_assignee_id, moved.by) == (LAN_ID, "system:cases")
    assert moved.reason == "the shift ended: family, language and shift"
    [note] = await cases.events(InternalNoteAdded)
    assert (note.case_id, note.origin, "late" in note.text) == (p1, "system", True)

    await to(cases, 24.1)
    assert await standing(cases, p1) == ("early", None), "from then on it follows the sun"


async def test_what_is_handed_over_in_time_stays_with_who_took_it(cases: Harness) -> None:
    await two_shifts(cases)
    case_id = await in_progress(cases)
    await to(cases, 11.6)
    await did(cases, case_id, "hand-over", {"note": "The log is on its way.", "queue": "late"})
    await did(cases, case_id, "assign")
    await to(cases, 13)

    assert await standing(cases, case_id) == ("late", LAN_ID)


async def test_while_nobody_is_on_duty_who_has_a_case_keeps_it(cases: Harness) -> None:
    await midnight(cases)
    await a_queue(cases, "early", duty=hours("00:00", "12:00"))
    await a_queue(cases, "evening", duty=hours("18:00", "22:00"))
    case_id = await in_progress(cases)
    await to(cases, 17)
    assert await standing(cases, case_id) == ("early", LAN_ID)

    await to(cases, 18.1)
    assert await standing(cases, case_id) == ("evening", None)


async def test_a_queue_that_is_no_more_leaves_its_p1s_to_those_on_duty(cases: Harness) -> None:
    early = await two_shifts(cases)
    case_id = await in_progress(cases)
    await a_queue(cases, "any")
    await revised(cases, early, active=False)
    await cases.fire_timers()

    assert await standing(cases, case_id) == ("any", None)


async def test_many_p1s_are_handed_over_and_one_that_somebody_holds_a_moment_later(
    cases: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cases.reactions.end_shift._AT_ONCE", 2)
    await two_shifts(cases)
    found = [await in_progress(cases, serial=f"SN-{n}") for n in range(4)]
    await to(cases, 11.9)
    async with cases.transaction() as tx:
        await Case.find(found[0], tx, lock=True)
        await cases._hop((await cases.now()).replace(hour=12, minute=0, second=1))
        await cases.service.timers.fire_due(cases.database)
        await cases.service.timers.fire_due(cases.database)
        assert await standing(cases, found[0]) == ("early", LAN_ID)
    await to(cases, 12.1)

    assert [await standing(cases, each) for each in found] == [("late", None)] * 4
    assert len(await cases.events(InternalNoteAdded)) == 4


async def test_what_waits_follows_the_sun_without_a_word(cases: Harness) -> None:
    await two_shifts(cases)
    case_id = await opened(cases)
    await cases.deliver(part_shipped(case_id, await cases.now()))
    await to(cases, 48.5)

    assert (await shown(cases, case_id))["state"] == "pending"
    assert [each.queue for each in await cases.events(CaseRouted)] == ["early", "late", "early", "late", "early"]
    assert await cases.events(InternalNoteAdded) == []


def windows(zone: str, *spans: tuple[str, str]) -> CalendarData:
    each = [{"weekdays": list(range(7)), "opens": opens, "closes": closes} for opens, closes in spans]
    return CalendarData.model_validate({"time_zone": zone, "windows": each})


def on(duty: CalendarData) -> Queue:
    made = queue("night", "00:00", "24:00")
    made.duty = duty
    return made


def test_a_shift_over_midnight_ends_in_the_morning_whatever_the_clocks_do() -> None:
    night = on(windows("Europe/Berlin", ("22:00", "24:00"), ("00:00", "06:00")))
    for day, end in ((28, 5), (29, 4), (30, 4)):  # the clocks go forward in the night to the 29th
        morning = datetime(2026, 3, day, end, tzinfo=UTC)
        for at in (morning - timedelta(hours=6, minutes=30), morning - A_MINUTE, morning - timedelta(hours=12)):
            assert night.off_duty_at(at) == morning
        assert not night.on_duty(morning)


def test_who_works_round_the_clock_is_on_duty_still_when_asked_again() -> None:
    at = datetime(2026, 3, 3, 12, tzinfo=UTC)
    always = on(CalendarData.round_the_clock())
    end = always.off_duty_at(at)
    assert end
    assert end > at + timedelta(days=50)
    assert always.on_duty(end)

"""Queues follow the sun."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest

from libs.events.cases import CaseAssigned, CaseRouted
from libs.events.cases_work import InternalNoteAdded
from libs.kit.calendar import CalendarData
from services.cases.model.case import Case
from services.cases.model.queue import Queue, choose
from services.cases.tests.builders import (
    CUSTOMER,
    coverage,
    did,
    in_progress,
    names,
    opened,
    part_shipped,
    replacement_installed,
    shown,
    visit_scheduled,
)
from tests.support.harness import Harness
from tests.support.refusals import refusal

WHOLE_DAY = CalendarData.round_the_clock().model_dump(mode="json")


def hours(opens: str, closes: str) -> dict[str, Any]:
    return {"time_zone": "UTC", "windows": [{"weekdays": list(range(7)), "opens": opens, "closes": closes}]}


async def a_queue(h: Harness, code: str, **fields: Any) -> dict[str, Any]:
    body = {"code": code, "name": code, "shift": "day", "duty": WHOLE_DAY, **fields}
    answer = await h.post("/v1/queues", body, role="manager")
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def revised(h: Harness, known: dict[str, Any], **fields: Any) -> None:
    path = f"/v1/queues/{known['id']}"
    answer = await h.patch(path, fields, etag=(await h.get(path)).headers["etag"], role="manager")
    assert answer.status_code == 200, answer.text


async def midnight(h: Harness) -> None:
    """Moves the clock to just after the next one."""
    now = await h.now()
    await h.advance(datetime.combine(now.date(), time(0, 1), UTC) + timedelta(days=1) - now)


def queue(code: str, opens: str, closes: str, families: list[str] | None = None, languages: Any = ()) -> Queue:
    return Queue(
        id=uuid4(),
        code=code,
        name=code,
        families=families or [],
        languages=list(languages),
        shift=code,
        duty=CalendarData.model_validate(hours(opens, closes)),
        created_at=datetime.now(UTC),
    )


@pytest.mark.promise("S1")
@pytest.mark.parametrize("hour", range(24))
def test_at_every_hour_somebody_has_the_case(hour: int) -> None:
    shifts = [queue("apac", "00:00", "08:00"), queue("emea", "08:00", "16:00"), queue("amer", "16:00", "24:00")]
    at = datetime(2026, 3, 3, hour, tzinfo=UTC)
    choice = choose(shifts, "none", family="studio", language="vi", at=at)

    assert choice.queue == ("apac", "emea", "amer")[hour // 8]
    assert choice.until == datetime(2026, 3, 3, tzinfo=UTC) + timedelta(hours=8 * (hour // 8 + 1))


def test_family_weighs_more_than_language_and_the_wrong_one_is_avoided() -> None:
    at = datetime(2026, 3, 3, 12, tzinfo=UTC)
    every = [
        queue("any", "00:00", "24:00"),
        queue("studio", "00:00", "24:00", ["studio"]),
        queue("voice", "00:00", "24:00", ["voice"]),
        queue("viet", "00:00", "24:00", languages=["vi"]),
    ]

    assert choose(every, "none", family="studio", language="vi", at=at).queue == "studio"
    assert choose(every, "none", family="headset", language="vi", at=at).queue == "viet"
    assert choose(every, "none", family=None, language="en", at=at).queue == "any"
    assert choose(every[2:3], "none", family="studio", language="en", at=at).queue == "voice", "somebody has to look"
    assert choose([], "none", family="studio", language="en", at=at).queue == "none"


async def test_a_case_goes_to_the_queue_of_its_language_and_then_of_its_product(cases: Harness) -> None:
    await a_queue(cases, "viet", languages=["vi"])
    await a_queue(cases, "studio", families=["studio"])
    case_id = await opened(cases)
    assert (await shown(cases, case_id))["queue"] == "viet"

    await cases.deliver(coverage(case_id))
    assert (await shown(cases, case_id))["queue"] == "studio"
    first, second = await cases.events(CaseRouted)
    assert (first.previous_queue, second.previous_queue, second.queue) == (None, "viet", "studio")
    [listed] = [q for q in (await cases.get("/v1/queues")).json()["items"] if q["code"] == "studio"]
    assert (listed["on_duty"], listed["open_cases"], listed["unassigned"]) == (True, 1, 1)


async def test_a_case_that_somebody_has_stays_where_it_is(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await a_queue(cases, "studio", families=["studio"])
    await cases.deliver(coverage(case_id))

    assert (await shown(cases, case_id))["queue"] == "support"


@pytest.mark.promise("S1")
async def test_when_the_shift_ends_an_untaken_case_goes_to_those_who_are_awake(cases: Harness) -> None:
    await a_queue(cases, "early", duty=hours("00:00", "12:00"))
    await a_queue(cases, "late", duty=hours("12:00", "24:00"))
    untaken, taken = await opened(cases), await in_progress(cases, severity="major")
    before = (await shown(cases, untaken))["queue"]
    await cases.advance(timedelta(hours=12))

    assert {before, (await shown(cases, untaken))["queue"]} == {"early", "late"}
    assert (await shown(cases, taken))["queue"] == before
    assert len(await cases.events(InternalNoteAdded)) == 1


@pytest.mark.promise("S1")
async def test_a_case_that_came_while_nobody_was_on_duty_moves_when_the_next_shift_begins(cases: Harness) -> None:
    await midnight(cases)
    await a_queue(cases, "morning", duty=hours("08:00", "16:00"))
    await a_queue(cases, "voice", families=["voice"], duty=hours("06:00", "07:00"))
    case_id = await opened(cases)
    assert (await shown(cases, case_id))["queue"] == "support"

    await cases.advance(timedelta(hours=6, minutes=30))
    assert (await shown(cases, case_id))["queue"] == "voice", "somebody has to look"
    await cases.advance(timedelta(hours=1))
    assert (await shown(cases, case_id))["queue"] == "support"
    await cases.advance(timedelta(hours=1))
    assert (await shown(cases, case_id))["queue"] == "morning"
    assert (await cases.events(CaseRouted))[-1].reason == "the shift changed: family, language and shift"


@pytest.mark.promise("S1")
async def test_a_case_goes_to_the_queue_that_fits_it_better_as_soon_as_its_shift_begins(cases: Harness) -> None:
    await midnight(cases)
    await a_queue(cases, "any")
    await a_queue(cases, "viet", languages=["vi"], duty=hours("09:00", "17:00"))
    vietnamese, english = await opened(cases), await opened(cases, language="en", serial="SN-2")
    assert (await shown(cases, vietnamese))["queue"] == "any"

    await cases.advance(timedelta(hours=9))
    assert (await shown(cases, vietnamese))["queue"] == "viet"
    assert (await shown(cases, english))["queue"] == "any"
    await cases.advance(timedelta(hours=8))
    assert (await shown(cases, vietnamese))["queue"] == "any"


async def test_a_queue_that_is_new_or_another_takes_and_leaves_what_nobody_has(
    cases: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.cases.reactions.route_case._AT_ONCE", 2)
    untaken = [await opened(cases, serial=f"SN-{n}") for n in range(5)]
    taken = await in_progress(cases, serial="SN-9")

    async def standing() -> set[str]:
        await cases.fire_timers()
        assert (await shown(cases, taken))["queue"] == "support"
        return {(await shown(cases, case_id))["queue"] for case_id in untaken}

    assert await standing() == {"support"}
    added = await a_queue(cases, "viet", languages=["vi"])
    assert await standing() == {"viet"}
    await revised(cases, added, languages=["en"])
    assert await standing() == {"viet"}, "nobody else is on duty, and somebody has to look"
    await a_queue(cases, "any")
    assert await standing() == {"any"}
    await revised(cases, added, languages=["vi"])
    assert await standing() == {"viet"}
    await revised(cases, added, active=False)
    assert await standing() == {"any"}


async def test_a_case_that_somebody_else_holds_is_routed_again_a_moment_later(cases: Harness) -> None:
    free, held = await opened(cases), await opened(cases, serial="SN-2")
    await a_queue(cases, "viet", languages=["vi"])
    async with cases.transaction() as tx:
        await Case.find(held, tx, lock=True)
        await cases.fire_timers()
        assert (await shown(cases, free))["queue"] == "viet"
    await cases.advance(timedelta(seconds=2))

    assert (await shown(cases, held))["queue"] == "viet"


async def test_what_an_engineer_handed_to_a_queue_stays_there_while_others_change(cases: Harness) -> None:
    case_id = await in_progress(cases)
    night = await a_queue(cases, "night", families=["voice"])
    await did(cases, case_id, "hand-over", {"note": "They know it.", "queue": "night"})
    await a_queue(cases, "viet", languages=["vi"])
    await cases.fire_timers()
    assert (await shown(cases, case_id))["queue"] == "night"

    await revised(cases, night, active=False)
    await cases.fire_timers()
    assert (await shown(cases, case_id))["queue"] == "viet"


async def test_a_case_that_is_not_cancelled_after_all_goes_to_those_who_are_awake(cases: Harness) -> None:
    await midnight(cases)
    await a_queue(cases, "early", duty=hours("00:00", "12:00"))
    await a_queue(cases, "late", duty=hours("12:00", "24:00"))
    case_id = await opened(cases)
    await did(cases, case_id, "cancel", {"reason": "it works again"}, **CUSTOMER)
    await cases.advance(timedelta(hours=13))
    assert (await shown(cases, case_id))["queue"] == "early"

    case = await did(cases, case_id, "cancellation", {"decision": "decline", "reason": "it does not"})
    assert (case["state"], case["queue"]) == ("acknowledged", "late")
    await cases.advance(timedelta(hours=12))
    assert (await shown(cases, case_id))["queue"] == "early"


async def test_an_untaken_case_whose_resolution_is_taken_back_goes_to_those_who_are_awake(cases: Harness) -> None:
    await midnight(cases)
    await a_queue(cases, "early", duty=hours("00:00", "12:00"))
    await a_queue(cases, "late", duty=hours("12:00", "24:00"))
    case_id, since = await opened(cases), await cases.now()
    await cases.deliver(part_shipped(case_id, since), replacement_installed(case_id, since + timedelta(hours=1)))
    assert (await shown(cases, case_id))["state"] == "resolved"
    await cases.advance(timedelta(hours=13))

    await cases.deliver(visit_scheduled(case_id, since + timedelta(hours=2)))
    await cases.fire_timers()
    case = await shown(cases, case_id)
    assert (case["state"], case["queue"]) == ("pending", "late")


async def test_handing_over_needs_a_note_and_frees_the_engineer(cases: Harness) -> None:
    case_id = await in_progress(cases)
    await a_queue(cases, "night")
    path = f"/v1/cases/{case_id}/hand-over"
    assert refusal(await cases.post(path, {"queue": "night"})) == (422, "/note")
    assert refusal(await cases.post(path, {"note": "x", "queue": "nowhere"})) == (422, "no-such-queue")
    assert (await cases.post(path, {"note": "x"}, **CUSTOMER)).status_code == 403

    case = await did(cases, case_id, "hand-over", {"note": "Waiting for the log.", "queue": "night"})
    assert (case["queue"], case["assignee"], case["state"]) == ("night", None, "in_progress")
    [note] = await cases.events(InternalNoteAdded)
    assert note.text == "Waiting for the log."
    assert names(await cases.events())[-2:] == ["InternalNoteAdded", "CaseRouted"]
    [assigned], routed = await cases.events(CaseAssigned), (await cases.events(CaseRouted))[-1]
    assert routed.previous_assignee_id == assigned.assignee_id

    await did(cases, case_id, "assign")
    await did(cases, case_id, "hand-over", {"note": "Still waiting.", "queue": "night"})  # its own queue
    again = (await cases.events(CaseRouted))[-1]
    assert (again.queue, again.previous_queue, again.previous_assignee_id) == ("night", "night", assigned.assignee_id)


async def test_queues_are_kept_by_managers_and_checked(cases: Harness) -> None:
    known = await a_queue(cases, "day")
    body = {"code": "day", "name": "again", "shift": "day", "duty": WHOLE_DAY}

    refused = await cases.post("/v1/queues", body, role="manager")
    assert (refused.status_code, refused.json()["id"]) == (409, known["id"])
    assert (await cases.post("/v1/queues", body)).status_code == 403
    mistake = {**WHOLE_DAY, "time_zone": "Mars/Olympus"}
    refused = await cases.post("/v1/queues", {**body, "code": "m", "duty": mistake}, role="admin")
    assert refusal(refused) == (422, "/duty/time_zone")
    path = f"/v1/queues/{known['id']}"
    etag = (await cases.get(path)).headers["etag"]
    changed = await cases.patch(path, {"active": False}, etag=etag, role="manager")
    assert (changed.json()["active"], changed.json()["on_duty"]) == (False, False)

"""A case in an automatic queue is proposed to who is there, knows it and carries least; why, can be read."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from libs.events.escalation import AssigneeProposed
from services.escalation.model.case_file import CaseFile
from services.escalation.tests.builders import ACase, a_case, a_person, id_of
from services.escalation.tests.desk import at_the_desk, automatic, numbers, proposed, says, took, waiting
from services.escalation.tests.test_absences import away
from tests.support.forgetting import person_erased
from tests.support.harness import Harness

HOUR = timedelta(hours=1)


async def whom(escalation: Harness, case: ACase) -> list[str | None]:
    """Who was proposed for this case."""
    await escalation.fire_timers()
    return [who for id, who in await proposed(escalation) if id == case.id]


async def test_nobody_is_proposed_while_no_queue_is_automatic(escalation: Harness) -> None:
    await at_the_desk(escalation, "An")
    assert await whom(escalation, await waiting(escalation)) == []


@pytest.mark.promise("S1")
async def test_a_case_is_proposed_to_who_is_there_and_carries_least(escalation: Harness) -> None:
    await automatic(escalation)
    for name in ("An", "Binh"):
        await at_the_desk(escalation, name)
    busy = await a_case(escalation, "major")
    await escalation.deliver(busy.given("An", 0))
    case = await waiting(escalation)
    assert await whom(escalation, case) == ["Binh"]
    [told] = await escalation.events(AssigneeProposed)
    assert (told.queue, told.why, told.previous_person_id) == ("video", "skill_and_load", None)


async def test_of_those_who_carry_as_much_who_was_given_a_case_longest_ago_is_next(escalation: Harness) -> None:
    await automatic(escalation)
    for name in ("An", "Binh", "Chi"):
        await at_the_desk(escalation, name)
    order = []
    for _ in range(6):
        case = await waiting(escalation)
        order += await whom(escalation, case)
        await took(escalation)
        await escalation.deliver(case.resolved(1))
        await escalation.advance(timedelta(minutes=1))
    assert len({*order[:3]}) == 3
    assert order[3:] == order[:3]


async def test_who_can_carry_half_is_given_half(escalation: Harness) -> None:
    await automatic(escalation)
    await at_the_desk(escalation, "An", capacity=10)
    await at_the_desk(escalation, "Binh", capacity=5)
    for _ in range(12):
        await waiting(escalation)
        await escalation.fire_timers()
    given = [who for _, who in await proposed(escalation)]
    assert (given.count("An"), given.count("Binh")) == (8, 4)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"queues": ["audio"]}, None),
        ({"families": ["Voyager"]}, "other_family"),
        ({"languages": ["en"]}, "other_language"),
        ({"there": False}, "off"),
        ({"capacity": 0}, "fully_loaded"),
        ({"hours": "never"}, "outside_hours"),
    ],
)
async def test_who_does_not_fit_or_is_not_there_is_not_proposed_and_it_is_said_why(
    escalation: Harness, more: dict[str, Any], why: str | None
) -> None:
    await automatic(escalation)
    if more.get("hours"):
        tomorrow = (await escalation.now() + timedelta(days=2)).weekday()
        window = {"weekdays": [tomorrow], "opens": "08:00", "closes": "09:00"}
        more = {"hours": {"time_zone": "UTC", "windows": [window]}}
    await at_the_desk(escalation, "An", **more)
    case = await waiting(escalation)
    assert await whom(escalation, case) == []
    seen = (await escalation.get(f"/v1/assignee-proposals/preview?case_id={case.id}")).json()
    assert (seen["person"], seen["automatic"]) == (None, True)
    assert [each["why_not"] for each in seen["considered"]] == ([why] if why else [])
    await at_the_desk(escalation, "Binh")
    assert await whom(escalation, case) == ["Binh"]


async def test_who_is_away_or_absent_or_has_left_is_passed_over(escalation: Harness) -> None:
    await automatic(escalation)
    for name in ("An", "Binh", "Chi", "Dung"):
        await at_the_desk(escalation, name)
    await says(escalation, "An", "away")
    await away(escalation, str(id_of("Binh")), 0, 1)
    left = a_person("Chi").model_copy(update={"active": False})
    await escalation.learn({id_of("Chi"): left}, version=2)
    case = await waiting(escalation)
    assert await whom(escalation, case) == ["Dung"]
    [made] = (await escalation.get(f"/v1/assignee-proposals?case_id={case.id}")).json()["items"]
    assert {each["person"]["name"]: each["why_not"] for each in made["considered"]} == {
        "An": "away",
        "Binh": "absent",
        "Chi": "not_here",
        "Dung": None,
    }
    assert (made["person"]["name"], made["outcome"]) == ("Dung", "open")


async def test_when_somebody_is_there_again_the_most_urgent_case_comes_first(escalation: Harness) -> None:
    await automatic(escalation)
    await at_the_desk(escalation, "An", there=False, capacity=6)
    minor = await waiting(escalation, "minor")
    await escalation.advance(timedelta(minutes=1))
    critical, later = await waiting(escalation, "critical"), await waiting(escalation, "critical")
    await escalation.fire_timers()
    assert await proposed(escalation) == []
    await says(escalation, "An", "available")
    await escalation.fire_timers()
    assert await proposed(escalation) == [(critical.id, "An"), (minor.id, "An")]
    assert await whom(escalation, later) == []


@pytest.mark.parametrize("how", ["until", "absence", "taken back", "hours"])
async def test_who_comes_back_by_the_clock_is_given_what_waits(escalation: Harness, how: str) -> None:
    await automatic(escalation)
    hours: dict[str, Any] = {}
    if how == "hours":
        soon = await escalation.now() + HOUR
        opens = soon.replace(minute=0, second=0, microsecond=0)
        windows = [{"weekdays": [opens.weekday()], "opens": f"{opens:%H:%M}", "closes": "24:00"}]
        hours = {"hours": {"time_zone": "UTC", "windows": windows}}
    await at_the_desk(escalation, "An", **hours)
    if how == "until":
        await says(escalation, "An", "away", HOUR)
    if how in ("absence", "taken back"):
        absence = (await away(escalation, str(id_of("An")), 0, 1 / 24)).json()
    case = await waiting(escalation)
    assert await whom(escalation, case) == []
    if how == "taken back":
        await escalation.request("DELETE", f"/v1/absences/{absence['id']}", role="manager")
    else:
        await escalation.advance(HOUR + timedelta(seconds=2))
    assert await whom(escalation, case) == ["An"]


@pytest.mark.parametrize("how", ["resolved", "waits", "handed on", "lighter", "more capacity"])
async def test_who_is_free_for_more_is_given_what_waits(escalation: Harness, how: str) -> None:
    await automatic(escalation)
    member = await at_the_desk(escalation, "An", capacity=4)
    first = await waiting(escalation, "critical")
    assert await whom(escalation, first) == ["An"]
    await took(escalation)
    second = await waiting(escalation, "moderate")
    assert await whom(escalation, second) == []
    match how:
        case "resolved":
            await escalation.deliver(first.resolved(1))
        case "waits":
            await escalation.deliver(first.pending("customer", 1))
        case "handed on":
            await escalation.deliver(first.given("Chi", 1))
        case "lighter":
            await escalation.deliver(first.severity_changed("moderate", 1))
        case "more capacity":
            etag = (await escalation.get(f"/v1/desk-members/{member['id']}")).headers["etag"]
            path = f"/v1/desk-members/{member['id']}"
            assert (await escalation.patch(path, {"capacity": 8}, etag=etag, role="manager")).status_code == 200
    assert await whom(escalation, second) == ["An"]


async def test_what_waits_for_the_customer_is_given_to_nobody_until_they_answer(escalation: Harness) -> None:
    await automatic(escalation)
    await at_the_desk(escalation, "An")
    case = await a_case(escalation)
    await escalation.deliver(case.pending("customer", 0), case.routed("video", 0), case.covered())
    assert await whom(escalation, case) == []
    await escalation.deliver(case.resumed("customer", 1))
    assert await whom(escalation, case) == ["An"]


async def test_what_entitlements_says_is_waited_for_but_not_for_long(escalation: Harness) -> None:
    await automatic(escalation)
    await at_the_desk(escalation, "An", families=["Voyager"])
    await at_the_desk(escalation, "Binh")
    quick, slow = await waiting(escalation, decided=False), await waiting(escalation, decided=False)
    assert (await whom(escalation, quick), await whom(escalation, slow)) == ([], [])
    await escalation.deliver(quick.covered())
    assert await whom(escalation, quick) == ["Binh"]
    await escalation.advance(timedelta(minutes=1, seconds=1))
    assert len(await whom(escalation, slow)) == 1


async def test_two_cases_at_once_are_never_both_given_to_who_can_carry_one(escalation: Harness) -> None:
    """Two workers fill two queues of the same person at the same time."""
    await automatic(escalation, "video", "audio")
    await at_the_desk(escalation, "An", queues=["video", "audio"], capacity=4)
    for _ in range(3):
        await waiting(escalation, "critical"), await waiting(escalation, "critical", "audio")
    await asyncio.gather(*(escalation.service.timers.fire_due(escalation.database) for _ in range(4)))
    await escalation.fire_timers()
    assert len(await proposed(escalation)) == 1


async def test_a_case_that_somebody_holds_is_not_waited_for_and_comes_next(escalation: Harness) -> None:
    await automatic(escalation)
    await at_the_desk(escalation, "An")
    held, free = await waiting(escalation), await waiting(escalation)
    async with escalation.transaction() as tx:
        await CaseFile.get(held.id, tx, lock=True)
        await escalation.service.timers.fire_due(escalation.database)
        assert await proposed(escalation) == [(free.id, "An")]
    await escalation.advance(timedelta(seconds=2))
    assert await whom(escalation, held) == ["An"]


async def test_a_proposal_of_which_nothing_comes_goes_to_somebody_else(escalation: Harness) -> None:
    await automatic(escalation)
    await at_the_desk(escalation, "An")
    await at_the_desk(escalation, "Binh", there=False)
    case = await waiting(escalation)
    assert await whom(escalation, case) == ["An"]
    await says(escalation, "Binh", "available")
    await escalation.advance(timedelta(minutes=4))
    assert await whom(escalation, case) == ["An"]
    await escalation.advance(timedelta(minutes=2))
    assert await whom(escalation, case) == ["An", "Binh"]
    made = (await escalation.get(f"/v1/assignee-proposals?case_id={case.id}")).json()["items"]
    assert [each["outcome"] for each in made] == ["open", "lapsed"]


@pytest.mark.parametrize(
    ("what", "outcome"),
    [("taken", "followed"), ("quicker", "overtaken"), ("moved", "overtaken"), ("cancelled", "overtaken")],
)
async def test_what_came_of_a_proposal_is_kept(escalation: Harness, what: str, outcome: str) -> None:
    await automatic(escalation)
    await at_the_desk(escalation, "An")
    case = await waiting(escalation)
    await escalation.fire_timers()
    match what:
        case "taken":
            await took(escalation)
        case "quicker":
            await escalation.deliver(case.given("Chi", 1))
        case "moved":
            await escalation.deliver(case.routed("night", 1))
        case "cancelled":
            await escalation.deliver(case.cancelled(1))
    [made] = (await escalation.get(f"/v1/assignee-proposals?person_id={id_of('An')}")).json()["items"]
    assert made["outcome"] == outcome
    await escalation.advance(timedelta(minutes=10))
    assert len(await proposed(escalation)) == 1


async def test_somebody_who_leaves_while_a_proposal_is_on_its_way_is_not_proposed_again(escalation: Harness) -> None:
    await automatic(escalation)
    for name in ("An", "Binh"):
        await at_the_desk(escalation, name)
    busy = await a_case(escalation)
    await escalation.deliver(busy.given("Binh", 0))
    case = await waiting(escalation)
    assert await whom(escalation, case) == ["An"]
    left = a_person("An").model_copy(update={"active": False, "successor_id": id_of("Chi")})
    await escalation.learn({id_of("An"): left}, version=2)
    await escalation.advance(timedelta(minutes=6))
    assert await whom(escalation, case) == ["An", "Binh"]
    [member] = (await escalation.get(f"/v1/desk-members?person_id={id_of('An')}")).json()["items"]
    assert (member["active"], member["unavailable"]) == (False, "not_here")


async def test_of_who_is_erased_nothing_stands_at_the_desk(escalation: Harness) -> None:
    await automatic(escalation)
    await at_the_desk(escalation, "An")
    case = await waiting(escalation)
    await escalation.fire_timers()
    await escalation.deliver(person_erased(id_of("An")))
    assert (await escalation.get("/v1/desk-members")).json()["items"] == []
    await escalation.advance(timedelta(minutes=6))
    assert await whom(escalation, case) == ["An"]
    [made] = (await escalation.get(f"/v1/assignee-proposals?case_id={case.id}")).json()["items"]
    assert made["person"] == {"id": str(id_of("An")), "name": None, "state": "erased"}


async def test_a_queue_that_becomes_automatic_gives_out_what_waits_in_it(escalation: Harness) -> None:
    await at_the_desk(escalation, "An")
    case = await waiting(escalation)
    assert await whom(escalation, case) == []
    await automatic(escalation)
    assert await whom(escalation, case) == ["An"]
    await numbers(escalation, automatic_queues=[])
    assert await whom(escalation, await waiting(escalation)) == []

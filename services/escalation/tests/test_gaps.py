"""Where nobody is on call: said when a rota is saved, told once before it comes, and no reason to wait for a step's minutes."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from libs.events.escalation import EscalationStepped, RotaGapAhead
from services.escalation.tests.builders import a_case, id_of
from tests.support.harness import Harness

AN, BINH = str(id_of("An")), str(id_of("Binh"))
ALL_WEEK = [0, 1, 2, 3, 4, 5, 6]
DAYS = {"weekdays": ALL_WEEK, "opens": "00:00", "closes": "24:00"}
BUT_NOON = [
    {"weekdays": ALL_WEEK, "opens": "00:00", "closes": "12:00"},
    {"weekdays": ALL_WEEK, "opens": "13:00", "closes": "24:00"},
]


def midnight(now: datetime, days: int) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)


async def a_rota(escalation: Harness, windows: list[Any], **more: Any) -> Any:
    layer = {"name": "first", "time_zone": "UTC", "people": [AN], "starts_on": "2026-01-01", "windows": windows}
    made = await escalation.post("/v1/rotas", {"name": "Video", "layers": [layer], **more}, role="manager")
    assert made.status_code == 201, made.text
    return made.json()


def but_on(*weekdays: int) -> list[dict[str, Any]]:
    return [{**DAYS, "weekdays": [each for each in ALL_WEEK if each not in weekdays]}]


async def test_whoever_saves_a_rota_is_told_of_its_gaps(escalation: Harness) -> None:
    now = await escalation.now()
    day = midnight(now, 2)
    made = await a_rota(escalation, but_on(day.weekday()))
    gap = {"starts": day.strftime("%Y-%m-%dT00:00:00Z"), "ends": midnight(now, 3).strftime("%Y-%m-%dT00:00:00Z")}
    assert made["gaps"] == [gap]
    path = f"/v1/rotas/{made['id']}"
    read = await escalation.get(path)
    assert read.json()["gaps"] == [gap]
    whole = {**made["layers"][0], "people": [AN], "windows": []}
    mended = await escalation.patch(path, {"layers": [whole]}, etag=read.headers["etag"], role="manager")
    assert (mended.status_code, mended.json()["gaps"]) == (200, [])


async def test_a_rota_says_when_somebody_is_to_be_on_call(escalation: Harness) -> None:
    office = [{"weekdays": ALL_WEEK, "opens": "09:00", "closes": "17:00"}]
    made = await a_rota(escalation, office, hours={"time_zone": "UTC", "windows": office})
    assert (made["gaps"], made["hours"]["time_zone"]) == ([], "UTC")
    longer = [{"weekdays": ALL_WEEK, "opens": "09:00", "closes": "18:00"}]
    made = await a_rota(escalation, office, hours={"time_zone": "UTC", "windows": longer})
    spans = {(each["starts"][11:16], each["ends"][11:16]) for each in made["gaps"]}
    assert ("17:00", "18:00") in spans
    await escalation.fire_timers()
    assert {each.starts.hour for each in await escalation.events(RotaGapAhead)} <= {17}


async def gaps_told(escalation: Harness) -> list[tuple[datetime, datetime]]:
    return [(each.starts, each.ends) for each in await escalation.events(RotaGapAhead)]


async def test_a_gap_is_told_once_some_days_before_it_comes(escalation: Harness) -> None:
    await escalation.post(
        "/v1/escalation-policies", {"settings": {"gap_days": 2}, "why": "two days will do"}, role="manager"
    )
    now = await escalation.now()
    day = midnight(now, 5)
    rota = await a_rota(escalation, but_on(day.weekday()))
    await escalation.advance(midnight(now, 3) - now - timedelta(minutes=1))
    assert await gaps_told(escalation) == []
    await escalation.advance(timedelta(minutes=1))
    assert await gaps_told(escalation) == [(day, midnight(now, 6))]
    [told] = await escalation.events(RotaGapAhead)
    assert (str(told.rota_id), told.rota) == (rota["id"], "Video")
    assert [each.kind for each in told.recipients] == ["service_management"]
    await escalation.advance(timedelta(days=2))
    await escalation.patch(
        f"/v1/rotas/{rota['id']}",
        {"name": "Video calls"},
        etag=(await escalation.get(f"/v1/rotas/{rota['id']}")).headers["etag"],
        role="manager",
    )
    await escalation.advance(timedelta(days=4))
    assert len(await gaps_told(escalation)) == 1
    await escalation.advance(timedelta(days=1))
    assert await gaps_told(escalation) == [(day + timedelta(days=7 * n), midnight(now, 6 + 7 * n)) for n in (0, 1)]


async def test_a_gap_that_is_filled_is_not_told_and_one_that_opens_again_is(escalation: Harness) -> None:
    now = await escalation.now()
    day = midnight(now, 12)
    rota = f"/v1/rotas/{(await a_rota(escalation, but_on(day.weekday())))['id']}"
    await escalation.fire_timers()
    before = await gaps_told(escalation)
    body = {"person_id": BINH, "starts": day.isoformat(), "ends": midnight(now, 13).isoformat(), "reason": "fills it"}
    filled = (await escalation.post(f"{rota}/overrides", body, role="engineer")).json()
    await escalation.advance(timedelta(days=8))
    assert await gaps_told(escalation) == before
    await escalation.request("DELETE", f"{rota}/overrides/{filled['id']}", role="engineer")
    await escalation.fire_timers()
    assert (await gaps_told(escalation))[len(before) :] == [(day, midnight(now, 13))]
    filled = (await escalation.post(f"{rota}/overrides", body, role="engineer")).json()  # once it has been told
    await escalation.request("DELETE", f"{rota}/overrides/{filled['id']}", role="engineer")
    await escalation.fire_timers()
    assert (await gaps_told(escalation))[len(before) :] == [(day, midnight(now, 13))] * 2


async def test_a_rota_of_before_and_a_layer_that_begins_later_are_looked_at_too(escalation: Harness) -> None:
    now = await escalation.now()
    layer = {"name": "first", "time_zone": "UTC", "people": [AN], "hands_over_at": "00:00"}
    starts = midnight(now, 3).date().isoformat()
    made = await escalation.post(
        "/v1/rotas", {"name": "New", "layers": [{**layer, "starts_on": starts}]}, role="manager"
    )
    [gap] = made.json()["gaps"]
    assert datetime.fromisoformat(gap["ends"]) == midnight(now, 3)
    await escalation.fire_timers()
    assert await gaps_told(escalation) == []  # it does not lie ahead: it is there


@pytest.mark.promise("S24")
async def test_a_step_that_reaches_nobody_is_followed_at_once(escalation: Harness) -> None:
    now = await escalation.now()
    rota = await a_rota(escalation, but_on(now.weekday(), midnight(now, 1).weekday()))
    steps = [
        {"calls": [{"kind": "rota", "id": rota["id"]}], "minutes_to_next": 30},
        {"calls": [{"kind": "person", "id": AN}], "minutes_to_next": 20},
        {"calls": [{"kind": "assignee"}], "minutes_to_next": 10},
    ]
    await escalation.post("/v1/policies", {"name": "P", "steps": steps, "repeat": 1}, role="manager")
    case = await a_case(escalation)
    raised = await escalation.post("/v1/escalations", {"case_id": str(case.id), "reason": "slow"}, role="manager")
    assert raised.status_code == 201
    told = await escalation.events(EscalationStepped)
    assert [(each.step, each.reached_nobody) for each in told] == [(1, True), (2, False)]
    assert [each.kind for each in told[0].recipients] == ["service_management"]
    assert told[0].next_step_at == told[0].stepped_at == told[1].stepped_at
    assert told[1].next_step_at == told[1].stepped_at + timedelta(minutes=20)
    # The last step waits, also where it reaches nobody; then the first two again.
    await escalation.advance(timedelta(minutes=31))
    told = await escalation.events(EscalationStepped)
    assert [(each.step, each.repeat, each.reached_nobody) for each in told[2:]] == [
        (3, 0, True),
        (1, 1, True),
        (2, 1, False),
    ]
    assert told[3].stepped_at >= told[2].stepped_at + timedelta(minutes=10)

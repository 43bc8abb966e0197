"""Who is away is not on call, and that nobody is then is told; it is theirs to say, or a manager's."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from libs.events.escalation import EscalationStepped, RotaGapAhead
from services.escalation.model.absence import Absence, back_at, whole_days
from services.escalation.tests.builders import a_case, an_expert, id_of
from services.escalation.tests.desk import at_the_desk
from services.escalation.tests.test_escalations import act, an_escalation
from services.escalation.tests.test_overrides import AN, BINH, CHI, a_rota, midnight, on_call, stands_in
from tests.support.forgetting import person_erased
from tests.support.harness import Harness
from tests.support.refusals import refusal


async def away(escalation: Harness, who: str, starts: float, ends: float, **how: Any) -> httpx.Response:
    """So many days from now until so many."""
    now = await escalation.now()
    times = {name: (now + timedelta(days=days)).isoformat() for name, days in (("starts", starts), ("ends", ends))}
    how = how or {"role": "manager"}
    return await escalation.post("/v1/absences", {"person_id": who, **times}, **how)


async def test_who_is_away_is_not_on_call_and_whoever_says_so_is_warned_of_the_gap(escalation: Harness) -> None:
    rota = await a_rota(escalation, first=(AN,), second=(BINH,))
    alone = await a_rota(escalation, first=(AN,))
    made = await away(escalation, AN, 1, 3)
    assert made.status_code == 201, made.text
    now = await escalation.now()
    starts, ends = (datetime.fromisoformat(made.json()[name]) for name in ("starts", "ends"))
    gaps = [(each["rota_id"], each["starts"], each["ends"]) for each in made.json()["gaps"]]
    assert gaps == [(alone.rpartition("/")[2], made.json()["starts"], made.json()["ends"])]
    assert await on_call(escalation, rota) == ["An", "Binh"]
    assert await on_call(escalation, rota, days=2) == ["Binh"]
    assert await on_call(escalation, alone, days=2) == []
    assert await on_call(escalation, alone, days=4) == ["An"]

    await escalation.fire_timers()
    [told] = await escalation.events(RotaGapAhead)
    assert (f"/v1/rotas/{told.rota_id}", told.starts, told.ends) == (alone, starts, ends)
    shifts = (await escalation.get(f"/v1/on-call?days=5&person_id={AN}")).json()["rotas"][0]
    assert [each["starts"] for each in shifts["shifts"]][1:] == [made.json()["ends"]]
    assert [(each["starts"], each["ends"]) for each in shifts["gaps"]] == []
    assert now < starts


async def test_a_gap_that_is_months_ahead_is_told_in_time(escalation: Harness) -> None:
    alone = await a_rota(escalation, first=(AN,))
    await away(escalation, AN, 100, 101)
    await escalation.advance(timedelta(days=92))
    assert await escalation.events(RotaGapAhead) == []
    await escalation.advance(timedelta(days=2))
    assert [f"/v1/rotas/{each.rota_id}" for each in await escalation.events(RotaGapAhead)] == [alone]


async def test_a_stand_in_fills_the_gap_and_a_stand_in_who_is_away_makes_one(escalation: Harness) -> None:
    alone = await a_rota(escalation, first=(AN,))
    await away(escalation, AN, 0, 3)
    assert await on_call(escalation, alone, days=2) == []
    await stands_in(escalation, alone, CHI, 0, 5, replaces=AN)
    assert await on_call(escalation, alone, days=2) == ["Chi"]
    made = await away(escalation, CHI, 1.5, 2.5)
    assert len(made.json()["gaps"]) == 1
    assert await on_call(escalation, alone, days=2) == []


async def test_who_is_away_exchanges_the_turn_for_that_very_reason(escalation: Harness) -> None:
    rota = await a_rota(escalation, first=(AN, BINH))
    now = await escalation.now()
    await away(escalation, BINH, 0.9, 2.1)
    turns = [
        {"person_id": who, "layer": "first", "at": midnight(now, day).replace("T00:", "T12:")}
        for who, day in ((BINH, 1), (AN, 4))
    ]
    body = {"first": turns[0], "second": turns[1], "reason": "a wedding"}
    assert (await escalation.post(f"{rota}/swaps", body, role="engineer")).status_code == 201


async def test_whole_days_are_those_of_where_they_are(escalation: Harness) -> None:
    day = (await escalation.now()).date() + timedelta(days=3)
    days = {"person_id": AN, "first_day": day.isoformat(), "last_day": day.isoformat()}
    refused = await escalation.post("/v1/absences", days, role="manager")
    assert refusal(refused) == (422, "zone-required")
    made = await escalation.post("/v1/absences", {**days, "time_zone": "Asia/Ho_Chi_Minh"}, role="manager")
    midnight_there = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=7)
    assert datetime.fromisoformat(made.json()["starts"]) == midnight_there
    assert datetime.fromisoformat(made.json()["ends"]) == midnight_there + timedelta(days=1)


async def test_whole_days_of_somebody_at_the_desk_are_in_the_zone_of_their_hours(escalation: Harness) -> None:
    hours = {"time_zone": "Europe/Berlin", "windows": [{"weekdays": [0], "opens": "08:00", "closes": "17:00"}]}
    await at_the_desk(escalation, "An", hours=hours)
    days = {"person_id": AN, "first_day": "2027-07-01", "last_day": "2027-07-01"}
    for zone, hour in ((None, 22), ("Asia/Ho_Chi_Minh", 17)):
        made = await escalation.post("/v1/absences", {**days, "time_zone": zone}, role="manager")
        assert made.status_code == 201, made.text
        assert datetime.fromisoformat(made.json()["starts"]) == datetime(2027, 6, 30, hour, tzinfo=UTC)


def test_a_day_is_as_long_as_the_clocks_there_make_it() -> None:
    spring = whole_days(date(2026, 3, 29), date(2026, 3, 29), "Europe/Berlin")
    autumn = whole_days(date(2026, 10, 25), date(2026, 10, 25), "Europe/Berlin")
    assert [ends - starts for starts, ends in (spring, autumn)] == [timedelta(hours=23), timedelta(hours=25)]


def test_absences_that_follow_each_other_are_one() -> None:
    now = datetime(2026, 5, 4, 8, tzinfo=UTC)

    def absence(starts: int, ends: int, who: str = "An") -> Absence:
        at = [now + timedelta(hours=hours) for hours in (starts, ends)]
        return Absence(id=id_of(who), person_id=id_of(who), starts=at[0], ends=at[1], by="", created_at=now)

    found = [absence(2, 5), absence(-1, 2), absence(6, 7), absence(0, 9, "Binh")]
    assert back_at(found, id_of("An"), now) == now + timedelta(hours=5)
    assert back_at(found, id_of("Chi"), now) is None
    assert back_at(found, id_of("An"), now + timedelta(hours=5)) is None


async def test_an_absence_is_taken_back_and_stays_on_record(escalation: Harness) -> None:
    alone = await a_rota(escalation, first=(AN,))
    later = (await away(escalation, AN, 1, 3)).json()
    begun = (await away(escalation, AN, 0, 3)).json()
    assert await on_call(escalation, alone) == []
    for each in (later, begun):
        gone = await escalation.request("DELETE", f"/v1/absences/{each['id']}", role="manager")
        assert gone.status_code == 204
    assert await on_call(escalation, alone) == ["An"]
    assert await on_call(escalation, alone, days=2) == ["An"]
    again = await escalation.request("DELETE", f"/v1/absences/{later['id']}", role="manager")
    assert refusal(again) == (409, "absence-is-over")
    listed = (await escalation.get(f"/v1/absences?person_id={AN}")).json()["items"]
    assert {each["id"] for each in listed} == {later["id"], begun["id"]}
    assert all(each["removed_at"] and each["removed_by"].startswith("manager:") for each in listed)
    await escalation.fire_timers()
    assert await escalation.events(RotaGapAhead) == []


async def test_of_somebody_else_a_manager_alone_says_that_they_are_away(escalation: Harness) -> None:
    me: dict[str, Any] = {"role": "engineer", "person_id": id_of("An")}
    assert refusal(await away(escalation, BINH, 0, 1, **me)) == (409, "somebody-elses-absence")
    mine = await away(escalation, AN, 0, 1, **me)
    assert mine.status_code == 201
    assert [each["id"] for each in (await escalation.get("/v1/absences?person_id=me", **me)).json()["items"]] == [
        mine.json()["id"]
    ]
    other: dict[str, Any] = {"role": "engineer", "person_id": id_of("Binh")}
    path = f"/v1/absences/{mine.json()['id']}"
    assert refusal(await escalation.request("DELETE", path, **other)) == (409, "somebody-elses-absence")
    assert (await escalation.request("DELETE", path, **me)).status_code == 204
    system = await escalation.get("/v1/absences?person_id=me", role="engineer")
    assert refusal(system) == (422, "person-required")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"starts": "2020-01-01T00:00:00Z", "ends": "2020-01-02T00:00:00Z"}, "not-a-stretch"),
        ({"starts": "2100-01-02T00:00:00Z", "ends": "2100-01-01T00:00:00Z"}, "not-a-stretch"),
        ({"starts": "2100-01-01T00:00:00Z", "ends": "2105-01-01T00:00:00Z"}, "not-a-stretch"),
        ({"starts": "2100-01-01T00:00:00Z"}, "say starts and ends, or first_day and last_day"),
        ({}, "say starts and ends, or first_day and last_day"),
        (
            {"starts": "2100-01-01T00:00:00Z", "last_day": "2100-01-02"},
            "say starts and ends, or first_day and last_day",
        ),
        (
            {
                "starts": "2100-01-01T00:00:00Z",
                "ends": "2100-01-02T00:00:00Z",
                "first_day": "2100-01-01",
                "last_day": "2100-01-02",
            },
            "say starts and ends, or first_day and last_day",
        ),
    ],
)
async def test_what_is_no_stretch_to_come_is_refused(escalation: Harness, body: dict[str, str], kind: str) -> None:
    refused = await escalation.post("/v1/absences", {"person_id": AN, **body}, role="manager")
    assert refusal(refused) == (422, kind)
    assert (await escalation.get("/v1/absences")).json()["items"] == []


async def test_a_step_calls_nobody_who_is_away(escalation: Harness) -> None:
    alone = await a_rota(escalation, first=(AN,))
    steps = [{"calls": [{"kind": "rota", "id": alone.rpartition("/")[2]}], "minutes_to_next": 30}]
    await escalation.post("/v1/policies", {"name": "P", "steps": steps}, role="manager")
    await away(escalation, AN, 0, 1)
    case = await a_case(escalation)
    await escalation.post("/v1/escalations", {"case_id": str(case.id), "reason": "slow"}, role="manager")
    [told] = (await escalation.events(EscalationStepped))[:1]
    assert told.reached_nobody


async def test_when_somebody_was_away_is_forgotten_with_them(escalation: Harness) -> None:
    await away(escalation, AN, 0, 1)
    await away(escalation, BINH, 0, 1)
    await escalation.deliver(person_erased(id_of("An")))
    left = (await escalation.get("/v1/absences")).json()["items"]
    assert [each["person"]["name"] for each in left] == ["Binh"]


async def test_an_expert_who_is_away_is_not_asked(escalation: Harness) -> None:
    await an_expert(escalation, "Em")
    await away(escalation, str(id_of("Em")), 0, 1)
    [found] = (await escalation.get("/v1/experts/search?domain=partner_environment")).json()["items"]
    assert found["unavailable"] == "absent"
    raised = await an_escalation(escalation, await a_case(escalation))
    for body in ({}, {"expert_id": found["id"]}):
        refused = await act(escalation, raised, "engage-expert", {"reason": "for the cloud", **body})
        assert refusal(refused) == (409, "no-expert-available")

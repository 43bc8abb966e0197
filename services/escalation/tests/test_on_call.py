"""Who is on call everywhere at an instant, and whose shifts are to come."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from services.escalation.tests.builders import id_of
from tests.support.harness import Harness
from tests.support.refusals import refusal

AN, BINH, CHI = (str(id_of(name)) for name in ("An", "Binh", "Chi"))


async def a_desk(escalation: Harness) -> datetime:
    """Two rotas and a team: An and Binh a day each from today on, Chi at night; today's midnight."""
    today = (await escalation.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    layer = {"time_zone": "UTC", "starts_on": today.date().isoformat(), "hands_over_at": "00:00", "shift_days": 1}
    night = [{"weekdays": [0, 1, 2, 3, 4, 5, 6], "opens": "00:00", "closes": "06:00"}]
    video = {"name": "Video", "layers": [{**layer, "name": "day", "people": [AN, BINH]}]}
    phone = {"name": "Phone", "purpose": "duty_manager"}
    phone["layers"] = [{**layer, "name": "night", "people": [CHI], "windows": night}]  # type: ignore[assignment]
    for path, body in (("rotas", video), ("rotas", phone), ("teams", {"name": "T", "members": [BINH, CHI]})):
        assert (await escalation.post(f"/v1/{path}", body, role="manager")).status_code == 201
    return today


async def asked(escalation: Harness, at: datetime, **query: Any) -> Any:
    words = "".join(f"&{name}={value}" for name, value in query.items())
    answer = await escalation.get(f"/v1/on-call?at={quote(at.isoformat())}{words}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def shifts(rota: Any, today: datetime) -> list[tuple[str, float, float]]:
    def hours(text: str) -> float:
        return (datetime.fromisoformat(text) - today) / timedelta(hours=1)

    return [(each["person"]["name"], hours(each["starts"]), hours(each["ends"])) for each in rota["shifts"]]


@pytest.mark.promise("S23")
async def test_who_is_on_call_in_all_rotas_and_teams(escalation: Harness) -> None:
    today = await a_desk(escalation)
    found = await asked(escalation, today + timedelta(hours=25))
    assert [(each["name"], [who["name"] for who in each["people"]]) for each in found["rotas"]] == [
        ("Phone", ["Chi"]),
        ("Video", ["Binh"]),
    ]
    assert [(each["name"], [who["name"] for who in each["members"]]) for each in found["teams"]] == [
        ("T", ["Binh", "Chi"])
    ]
    assert [each["shifts"] for each in found["rotas"]] == [[], []]
    noon = await asked(escalation, today + timedelta(hours=12))
    assert [[who["name"] for who in each["people"]] for each in noon["rotas"]] == [[], ["An"]]


async def test_the_shifts_and_gaps_of_some_days_are_listed(escalation: Harness) -> None:
    today = await a_desk(escalation)
    phone, video = (await asked(escalation, today + timedelta(hours=3), days=2))["rotas"]
    assert shifts(phone, today) == [("Chi", 3, 6), ("Chi", 24, 30), ("Chi", 48, 51)]
    assert shifts(video, today) == [("An", 3, 24), ("Binh", 24, 48), ("An", 48, 51)]
    assert [each["starts"][11:16] for each in phone["gaps"]] == ["06:00", "06:00"]
    assert video["gaps"] == []
    body = {"person_id": CHI, "replaces": BINH, "reason": "ill"}
    span = {name: (today + timedelta(hours=hour)).isoformat() for name, hour in (("starts", 30), ("ends", 36))}
    [rota] = (await escalation.get("/v1/rotas?purpose=on_call")).json()["items"]
    made = await escalation.post(f"/v1/rotas/{rota['id']}/overrides", {**body, **span}, role="engineer")
    assert made.status_code == 201
    _, video = (await asked(escalation, today, days=2))["rotas"]
    assert shifts(video, today) == [("An", 0, 24), ("Binh", 24, 30), ("Chi", 30, 36), ("Binh", 36, 48)]


async def test_shifts_of_one_person_and_of_the_caller(escalation: Harness) -> None:
    today = await a_desk(escalation)
    found = await asked(escalation, today + timedelta(hours=12), days=4, person_id=BINH)
    assert [(each["name"], shifts(each, today)) for each in found["rotas"]] == [
        ("Video", [("Binh", 24, 48), ("Binh", 72, 96)])
    ]
    assert [each["name"] for each in found["teams"]] == ["T"]
    mine = await escalation.get(f"/v1/on-call?at={quote(today.isoformat())}&person_id=me", person_id=id_of("An"))
    assert [[who["name"] for who in each["people"]] for each in mine.json()["rotas"]] == [["An"]]
    assert mine.json()["teams"] == []
    assert refusal(await escalation.get("/v1/on-call?person_id=me")) == (422, "person-required")


@pytest.mark.parametrize(
    "query", ["days=93", "days=-1", "person_id=you", "at=1999-01-01T00:00:00Z", "at=9999-12-31T00:00:00Z"]
)
async def test_what_makes_no_sense_is_refused(escalation: Harness, query: str) -> None:
    assert (await escalation.get(f"/v1/on-call?{query}")).status_code == 422

"""Who is on call, and who knows what."""

from datetime import date, datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from libs.kit.calendar import WeeklyWindow
from libs.store.ids import new_id
from services.escalation.model.people import Person, Team, ids_of
from services.escalation.model.rota import Layer, Rota, RotaOverride
from services.escalation.tests.builders import a_person, a_rota, pointers
from tests.support.harness import Harness

AN, BINH, CHI = Person(name="An"), Person(name="Binh"), Person(name="Chi")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def layer(*people: Person, zone: str = "Asia/Ho_Chi_Minh", starts: date = date(2026, 3, 2), **more: Any) -> Layer:
    return Layer(name="primary", time_zone=zone, people=people, starts_on=starts, **more)


def a_rota_of(*layers: Layer, overrides: tuple[RotaOverride, ...] = ()) -> Rota:
    return Rota(id=new_id(), name="Duty", purpose="duty_manager", layers=list(layers), overrides=list(overrides))


def names(rota: Rota, instant: str) -> list[str]:
    return [person.name for person in rota.on_call(at(instant))]


@pytest.mark.parametrize(
    ("instant", "who"),
    [
        ("2026-03-02T08:59:59+07:00", []),
        ("2026-03-02T09:00:00+07:00", ["An"]),
        ("2026-03-09T01:59:59Z", ["An"]),
        ("2026-03-09T02:00:00Z", ["Binh"]),
        ("2026-03-16T09:00:00+07:00", ["An"]),
        ("2025-12-01T09:00:00+07:00", []),
    ],
)
def test_people_take_turns_by_the_local_hour_of_hand_over(instant: str, who: list[str]) -> None:
    assert names(a_rota_of(layer(AN, BINH)), instant) == who


@pytest.mark.parametrize(
    ("instant", "who"),
    [
        ("2026-11-01T05:29:00Z", ["An"]),  # 01:29 EDT
        ("2026-11-01T05:30:00Z", ["Binh"]),  # 01:30 EDT, handed over
        ("2026-11-01T06:10:00Z", ["Binh"]),  # 01:10 again, EST: nobody gets it back
        ("2026-11-02T06:29:00Z", ["Binh"]),
        ("2026-11-02T06:30:00Z", ["An"]),
    ],
)
def test_a_repeated_hour_hands_over_once(instant: str, who: list[str]) -> None:
    rota = a_rota_of(
        layer(AN, BINH, zone="America/New_York", starts=date(2026, 10, 31), hands_over_at="01:30", shift_days=1)
    )
    assert names(rota, instant) == who


def test_layers_with_windows_follow_the_sun() -> None:
    day = (WeeklyWindow(weekdays=(0, 1, 2, 3, 4, 5, 6), opens="08:00", closes="20:00"),)
    rota = a_rota_of(layer(AN, windows=day), layer(BINH, zone="America/New_York", windows=day))
    assert names(rota, "2026-03-04T10:00:00+07:00") == ["An"]
    assert names(rota, "2026-03-04T10:00:00-05:00") == ["Binh"]
    assert names(rota, "2026-03-04T20:30:00-05:00") == ["An"]


def test_an_override_stands_in_until_its_end_and_the_newest_wins() -> None:
    def stand_in(person: Person, starts: str, ends: str, replaces: Person | None = None) -> RotaOverride:
        instead_of = replaces.id if replaces else None
        return RotaOverride(starts=at(starts), ends=at(ends), person=person, replaces=instead_of, reason="ill")

    first = stand_in(CHI, "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z")
    newer = stand_in(BINH, "2026-03-03T12:00:00Z", "2026-03-03T13:00:00Z")
    rota = a_rota_of(layer(AN), overrides=(first, newer))
    assert [names(rota, f"2026-03-0{d}T{h}:00:00Z") for d, h in ((3, "00"), (3, "12"), (3, "13"), (4, "00"))] == [
        ["Chi"],
        ["Binh"],
        ["Chi"],
        ["An"],
    ]
    one = stand_in(CHI, "2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z", replaces=AN)
    two_layers = a_rota_of(layer(AN), layer(BINH), overrides=(one,))
    assert names(two_layers, "2026-03-03T05:00:00Z") == ["Chi", "Binh"]


@pytest.mark.promise("S23")
async def test_who_is_on_call_is_asked_for_any_instant(escalation: Harness) -> None:
    made = await escalation.post("/v1/rotas", a_rota(people=("An", "Binh")), role="manager")
    path = f"/v1/rotas/{made.json()['id']}"
    override = {
        "starts": "2026-03-04T00:00:00+07:00",
        "ends": "2026-03-05T00:00:00+07:00",
        "person": a_person("Chi"),
        "reason": "ill",
    }
    overridden = await escalation.post(f"{path}/overrides", override, role="engineer")
    assert overridden.status_code == 201
    assert overridden.json()["overrides"][0]["by"].startswith("engineer:")

    async def who(instant: str) -> list[str]:
        answer = await escalation.get(f"{path}/on-call?at={quote(instant)}")
        return [person["name"] for person in answer.json()["people"]]

    assert await who("2025-01-06T09:00:00+07:00") == ["An"]
    assert await who("2025-01-13T09:00:00+07:00") == ["Binh"]
    assert await who("2026-03-04T12:00:00+07:00") == ["Chi"]
    assert (await escalation.get(f"{path}/on-call")).json()["people"]


@pytest.mark.parametrize(
    ("path", "body", "change"),
    [
        ("/v1/teams", {"name": "Backline", "members": [a_person("An")]}, {"name": "Front line"}),
        ("/v1/rotas", a_rota(), {"webhook_url": "https://hooks.example/3"}),
        ("/v1/experts", {"name": "Em", "skills": {"families": ["Studio X"]}}, {"max_load": 9, "email": None}),
        (
            "/v1/policies",
            {"name": "P", "steps": [{"calls": [{"kind": "duty_manager"}]}]},
            {"repeat": None, "active": False},
        ),
    ],
)
async def test_master_data_is_kept_listed_and_revised(escalation: Harness, path: str, body: Any, change: Any) -> None:
    assert (await escalation.post(path, body, role="engineer")).status_code == 403
    for unknown in ("surprise", "id"):
        refused = await escalation.post(path, {**body, unknown: str(new_id())}, role="manager")
        assert (refused.status_code, pointers(refused)) == (422, [f"/{unknown}"])
    made = await escalation.post(path, body, role="manager")
    assert made.status_code == 201
    id = made.json()["id"]
    assert [item["id"] for item in (await escalation.get(path)).json()["items"]] == [id]

    read = await escalation.get(f"{path}/{id}")
    refused = await escalation.patch(f"{path}/{id}", {"name": None}, etag=read.headers["etag"], role="manager")
    assert (refused.status_code, "name" in refused.text) == (422, True)
    revised = await escalation.patch(f"{path}/{id}", change, etag=read.headers["etag"], role="manager")
    assert revised.status_code == 200
    assert {name: revised.json()[name] for name in change} == change
    assert (
        await escalation.patch(f"{path}/{id}", change, etag=read.headers["etag"], role="manager")
    ).status_code == 412
    assert (await escalation.get(f"{path}/{new_id()}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "refused"),
    [
        ("/v1/rotas", {"name": "R", "layers": []}, "/layers"),
        (
            "/v1/rotas",
            {"name": "R", "layers": [a_rota()["layers"][0] | {"time_zone": "Mars/Olympus"}]},
            "/layers/0/time_zone",
        ),
        ("/v1/policies", {"name": "P", "steps": []}, "/steps"),
        ("/v1/policies", {"name": "P", "steps": [{"calls": [{"kind": "rota"}]}]}, "/steps/0/calls/0"),
        (
            "/v1/policies",
            {"name": "P", "rules": ["luck"], "steps": [{"calls": [{"kind": "duty_manager"}]}]},
            "/rules/0",
        ),
        ("/v1/teams", {"name": "T", "members": [], "webhook_url": "file:///etc/passwd"}, "/webhook_url"),
        ("/v1/teams", {"name": "T", "members": [], "webhook_url": "http://hooks.example/1"}, "/webhook_url"),
        ("/v1/teams", {"name": "T", "members": [], "webhook_url": "https://2130706433:15432/"}, "/webhook_url"),
        ("/v1/rotas", a_rota() | {"webhook_url": "https://[64:ff9b::169.254.169.254]/"}, "/webhook_url"),
        ("/v1/experts", {"name": "E", "skills": {"domains": ["luck"]}}, "/skills/domains/0"),
    ],
)
async def test_what_makes_no_sense_is_refused(escalation: Harness, path: str, body: Any, refused: str) -> None:
    answer = await escalation.post(path, body, role="manager")
    assert (answer.status_code, pointers(answer)[0]) == (422, refused)
    assert (await escalation.get(path)).json()["items"] == []


@pytest.mark.promise("S23")
async def test_experts_are_searched_by_skill_with_why_they_cannot_be_asked(escalation: Harness) -> None:
    away = [{"starts": "2026-03-01T00:00:00Z", "ends": "2026-04-01T00:00:00Z"}]
    office = {
        "time_zone": "Asia/Ho_Chi_Minh",
        "windows": [{"weekdays": [0, 1, 2, 3, 4], "opens": "08:00", "closes": "17:00"}],
    }
    for body in (
        {"name": "away", "skills": {"families": ["Studio X"], "domains": ["network"]}, "absences": away},
        {"name": "both", "skills": {"families": ["Studio X"], "domains": ["network"]}, "hours": office},
        {"name": "one", "skills": {"domains": ["network"]}},
        {"name": "full", "skills": {"domains": ["network"]}, "max_load": 0},
        {"name": "none", "skills": {"domains": ["software"]}},
    ):
        assert (await escalation.post("/v1/experts", body, role="manager")).status_code == 201

    async def search(instant: str) -> list[tuple[str, str | None, int]]:
        path = f"/v1/experts/search?family=Studio%20X&domain=network&at={quote(instant)}"
        found = (await escalation.get(path)).json()["items"]
        return [(each["name"], each["unavailable"], each["matching_skills"]) for each in found]

    assert await search("2026-03-03T10:00:00+07:00") == [
        ("both", None, 2),
        ("one", None, 1),
        ("away", "absent", 2),
        ("full", "fully_loaded", 1),
    ]
    assert (await search("2026-03-03T20:00:00+07:00"))[0][0] == "one"


async def test_a_stand_in_is_called_after_the_layers_are_revised_whoever_gave_the_ids(escalation: Harness) -> None:
    """Code of before gave everybody an id by chance, and another one in each layer."""
    an, binh = Person(id=new_id(), name="An", email="an@x.example"), Person(id=new_id(), name="Binh")
    span: dict[str, Any] = {"starts": at("2026-01-01T00:00:00Z"), "ends": at("2027-01-01T00:00:00Z"), "reason": "leave"}
    away = [RotaOverride(person=CHI, replaces=each.id, **span) for each in (an, binh)]
    other_an = an.model_copy(update={"id": new_id()})
    rota = a_rota_of(layer(an), layer(other_an, binh), layer(binh), overrides=tuple(away))
    async with escalation.transaction() as tx:
        tx.add(rota)
    path = f"/v1/rotas/{rota.id}"
    etag = (await escalation.get(path)).headers["etag"]
    people = [{"name": "AN", "email": "an@x.example"}], [{"name": "Binh", "email": "binh@x.example"}], [a_person("Chi")]
    layers = [{"name": "L", "time_zone": "UTC", "starts_on": "2026-01-01", "people": each} for each in people]
    assert (await escalation.patch(path, {"layers": layers}, etag=etag, role="manager")).status_code == 200

    on_call = (await escalation.get(f"{path}/on-call?at=2026-03-03T12:00:00Z")).json()["people"]

    assert {person["name"] for person in on_call} == {"Chi"}


def test_an_address_or_a_name_that_two_share_tells_nobody() -> None:
    def ids(stored: list[Person], *named: Person) -> list[UUID | None]:
        known = ids_of(stored, list(named), set())
        return [known.get((each.name.casefold(), (each.email or "").casefold())) for each in named]

    an, other = Person(id=new_id(), name="An", email="a@x.example"), Person(id=new_id(), name="An", email="b@x.example")
    desk = Person(id=new_id(), name="Desk", email="a@x.example")
    assert ids([an, other], Person(name="an", email="B@x.example"), Person(name="An", email="c@x.example")) == [
        other.id,
        an.id,
    ]
    assert ids([an, other], Person(name="An", email="c@x.example")) == [None]
    assert ids([an, desk], Person(name="Em", email="a@x.example")) == [None]
    assert ids([an], Person(name="Em"), Person(name="An"), Person(name="An", email="d@x.example")) == [None, None, None]
    assert len({Person(name="An", email=each).id for each in (None, "a@x.example", "b@x.example")}) == 3
    assert Person(name="An", email="a@x.example").id != Person(name="Desk", email="a@x.example").id


async def test_what_was_once_taken_is_read_and_called(escalation: Harness) -> None:
    long_ago = Person.model_construct(id=new_id(), name=" ", email="a@b@c", language="en")
    before = layer(AN).model_copy(update={"name": " ", "people": (long_ago,)})
    stand_in = RotaOverride(
        starts=at("2020-01-01T00:00:00Z"), ends=at("2021-01-01T00:00:00Z"), person=CHI, reason="ill"
    )
    rota = a_rota_of(before, overrides=(stand_in.model_copy(update={"reason": " "}),))
    async with escalation.transaction() as tx:
        tx.add(rota)
        tx.add(Team(id=new_id(), name="T", members=[long_ago]))

    read = await escalation.get(f"/v1/rotas/{rota.id}")
    assert (read.status_code, read.json()["layers"][0]["name"]) == (200, " ")
    assert (await escalation.get(f"/v1/rotas/{rota.id}/on-call")).json()["people"][0]["email"] == "a@b@c"
    assert (await escalation.get("/v1/teams")).json()["items"][0]["members"][0]["name"] == " "
    refused = await escalation.post(
        "/v1/rotas", a_rota() | {"layers": [a_rota()["layers"][0] | {"name": " "}]}, role="manager"
    )
    assert (refused.status_code, pointers(refused)) == (422, ["/layers/0/name"])

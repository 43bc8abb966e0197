"""Who works here, as onsite keeps it."""

import json
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.events.gateway import PersonState
from libs.events.onsite import TechnicianArrived, TechnicianDispatched, VisitRescheduled, VisitScheduled
from libs.kit import people
from services.onsite.model.people import KnownPerson
from services.onsite.tests.builders import (
    AN,
    PATH,
    a_decision,
    a_diagnosis,
    a_place,
    a_reservation,
    a_technician,
    do,
    to_the_day,
)
from tests.contract.test_labels_in_rows import a_row
from tests.support.harness import Harness
from tests.support.people import LAN
from tests.support.refusals import refusal

CHAU: PersonState = LAN.model_copy(
    update={"name": "Lê Minh Châu", "display_name": "Châu", "email": "chau@field.example", "roles": ["technician"]}
)
WHO = UUID(int=77)


async def test_of_our_own_people_only_what_is_needed_is_kept_and_nothing_of_who_is_forgotten(onsite: Harness) -> None:
    here, gone = uuid4(), uuid4()
    await onsite.learn({here: LAN, gone: LAN})
    await onsite.learn({gone: type(LAN)}, version=2)
    async with onsite.transaction() as tx:
        kept = [await KnownPerson.get(each, tx) for each in (here, gone)]
    assert [(each.display_name, each.phone, each.roles, each.active) for each in kept] == [
        (LAN.display_name, LAN.phone, LAN.roles, True),
        (None, None, None, None),
    ]
    assert [each.gone for each in kept] == [False, True]


async def named(onsite: Harness) -> set[str | None]:
    """Who comes, as the slots, the visit and the dispatch board say it."""
    slots = (await onsite.get(f"{PATH}/slots")).json()["items"]
    order = (await onsite.get(PATH)).json()
    [line] = (await onsite.get("/v1/appointments")).json()["items"]
    return {
        *(each["technician_name"] for each in slots),
        order["appointment"]["technician_name"],
        line["technician_name"],
    }


async def rows(onsite: Harness, table: str = "appointments") -> str:
    async with onsite.transaction() as tx:
        return str([dict(row) for row in await tx.connection.fetch(f'SELECT * FROM "{table}"')])


async def test_a_technician_is_shown_found_and_sorted_under_the_name_of_now_and_no_row_has_it(onsite: Harness) -> None:
    other = uuid4()
    await onsite.learn({WHO: CHAU, other: CHAU.model_copy(update={"display_name": "Ân"})})
    await a_technician(onsite, person_id=str(WHO))
    await a_technician(onsite, "Binh")
    await a_technician(onsite, "Other", person_id=str(other))
    renamed = CHAU.model_copy(update={"display_name": "Đào Châu"})
    await onsite.learn({WHO: renamed}, version=2)

    by_name = (await onsite.get("/v1/technicians?sort=name")).json()["items"]
    assert [each["name"] for each in by_name] == ["Ân", "Binh", "Đào Châu"]
    shown = by_name[-1]
    assert shown["person"] == {"id": str(WHO), "name": "Đào Châu", "state": None}
    assert (shown["phone"], shown["email"], by_name[1]["person"]) == (renamed.phone, None, None)
    for query in ("q=dao", f"person_id={WHO}"):
        assert (await onsite.get(f"/v1/technicians?{query}")).json()["items"] == [shown]
    assert [each["name"] for each in (await onsite.get("/v1/technicians?q=bi")).json()["items"]] == ["Binh"]
    assert (await onsite.get(f"/v1/technicians/{AN}")).json() == shown
    kept = await rows(onsite, "technicians")
    assert [word for word in ("Châu", "chau", "Ân", "5550") if word in kept] == []

    await onsite.learn({WHO: PersonState}, version=3)
    gone = (await onsite.get(f"/v1/technicians/{AN}")).json()
    assert gone["person"] == {"id": str(WHO), "name": None, "state": "erased"}
    assert (gone["name"], gone["phone"]) == (None, None)


async def test_who_is_a_person_has_no_name_of_their_own_and_who_is_none_has_one(onsite: Harness) -> None:
    await onsite.learn({WHO: CHAU})
    await a_technician(onsite, person_id=str(WHO))
    path, etag = f"/v1/technicians/{AN}", (await onsite.get(f"/v1/technicians/{AN}")).headers["etag"]
    for field, value in (("name", "An"), ("email", "an@field.example"), ("phone", "+84 1")):
        refused = await onsite.patch(path, {field: value}, etag=etag, role="manager")
        assert (refusal(refused), refused.json()["field"]) == ((422, "has-persons-name"), field)
    assert refusal(await onsite.patch(path, {"person_id": None}, etag=etag, role="manager")) == (422, "nameless")
    least = {"authorisations": [{"family": "Studio"}], "territories": [{"country": "VN"}], "time_zone": "UTC"}
    assert refusal(await onsite.post("/v1/technicians", least, role="manager")) == (422, "nameless")
    both = {**least, "name": "An", "person_id": str(WHO)}
    assert refusal(await onsite.post("/v1/technicians", both, role="manager")) == (422, "has-persons-name")
    assert (await onsite.get(path)).headers["etag"] == etag
    not_theirs = await onsite.patch(path, {"person_id": None, "name": "An"}, etag=etag, role="manager")
    assert (not_theirs.json()["name"], not_theirs.json()["person"]) == ("An", None)


async def test_technicians_of_before_with_a_name_and_number_of_ours_are_people(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "onsite", prefix="technicians_")
    await migrate("onsite", made.owner_url, "0018")  # before columns that PostgreSQL fills
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    told: list[tuple[str, str, str, bool]] = [
        ("Châu", "+84 28 5550 0177", "technician", True),
        ("Engineer", "+84 3", "engineer", True),
        ("Left", "+84 4", "technician", False),
        ("Twin", "+84 5", "technician", True),
        ("Twin", "+84 5", "technician", True),
        ("Named", "+84 6", "technician", True),
    ]
    people = [uuid4() for _ in told]
    for id, (name, phone, role, active) in zip(people, told, strict=True):
        await owner.execute(
            "INSERT INTO people (id, version, revision, gone, display_name, phone, roles, active)"
            " VALUES ($1, 1, 0, false, $2, $3, $4, $5)",
            id,
            name,
            phone,
            json.dumps([role]),
            active,
        )
    typed = {
        "found": ("châu", "+84 2855500177", None),
        "another name": ("Chi", "+84 28 5550 0177", None),
        "no technician": ("Engineer", "+84 3", None),
        "left": ("Left", "+84 4", None),
        "of two": ("Twin", "+84 5", None),
        "named": ("Somebody", "+84 7", str(people[5])),
        "taken": ("Named", "+84 6", None),
        "no number": ("No number", None, None),
    }
    ids = {what: uuid4() for what in typed}
    for what, (name, number, of) in typed.items():
        who_it_is = {"name": name, "phone": number, "email": "x@y.example", "person_id": of}
        await a_row(owner, "technicians", {"id": str(ids[what]), **who_it_is})
    await a_row(
        owner,
        "appointments",
        {"technician_id": str(ids["found"]), "technician_name": "châu", "person_id": None, "sign_offs": {}},
    )

    await migrate("onsite", made.owner_url)

    after = {row["id"]: row for row in await owner.fetch("SELECT * FROM technicians")}
    who = {"found": people[0], "named": people[5]}
    assert {what: after[id]["person_id"] for what, id in ids.items()} == {what: who.get(what) for what in typed}
    kept = {what: tuple(after[id][each] for each in ("name", "phone", "email")) for what, id in ids.items()}
    assert kept == {
        what: ("", None, None) if what in who else (name, number, "x@y.example")
        for what, (name, number, _) in typed.items()
    }
    moved = await owner.fetchrow("SELECT person_id, technician_name FROM appointments")
    assert tuple(moved or ()) == (people[0], None)
    assert await owner.fetchval("SELECT words FROM people WHERE id = $1", people[0]) == " chau"
    await owner.close()


async def test_a_visit_of_a_technician_who_is_a_person_carries_both_ids_and_keeps_no_name(onsite: Harness) -> None:
    await onsite.learn({WHO: CHAU})
    await a_technician(onsite, person_id=str(WHO))
    await a_place(onsite)
    await onsite.deliver(a_diagnosis(), a_decision(), a_reservation())
    assert await named(onsite) == {"Châu"}
    await onsite.learn({WHO: CHAU.model_copy(update={"display_name": "Minh Châu"})}, version=2)
    assert await named(onsite) == {"Minh Châu"}
    await to_the_day(onsite)
    await do(onsite, "depart")
    await do(onsite, "arrive", {"reason": "the guard let me in"})
    told: list[VisitScheduled | TechnicianDispatched | TechnicianArrived] = [
        *await onsite.events(VisitScheduled),
        *await onsite.events(TechnicianDispatched),
        *await onsite.events(TechnicianArrived),
    ]
    assert [(each.technician_id, each.person_id) for each in told] == [(AN, WHO)] * 3
    kept = await rows(onsite)
    assert [name for name in ("An'", "Châu") if name in kept] == []
    await onsite.learn({WHO: PersonState}, version=3)
    assert (await onsite.get(PATH)).json()["appointment"]["technician_name"] is None


async def test_visits_give_up_the_name_when_a_person_is_named(onsite: Harness) -> None:
    await a_technician(onsite)
    await a_place(onsite)
    await onsite.deliver(a_diagnosis(), a_decision(), a_reservation())
    assert await named(onsite) == {"An"}
    await onsite.learn({WHO: CHAU})
    read = await onsite.get(f"/v1/technicians/{AN}")
    body: dict[str, Any] = {"person_id": str(WHO)}
    changed = await onsite.patch(f"/v1/technicians/{AN}", body, etag=read.headers["etag"], role="manager")
    assert (changed.status_code, changed.json()["person_id"], changed.json()["name"]) == (200, str(WHO), "Châu")
    assert await named(onsite) == {"Châu"}
    assert "'An'" not in await rows(onsite) + await rows(onsite, "technicians")


async def test_a_technician_is_a_person_who_is_here_and_a_technician(
    onsite: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "WAIT_SECONDS", 0.1)
    nobody, engineer = uuid4(), uuid4()
    await onsite.learn({engineer: LAN, WHO: CHAU})
    await onsite.has_caught_up(PersonState.contract.topic)
    await a_technician(onsite)
    etag = (await onsite.get(f"/v1/technicians/{AN}")).headers["etag"]
    for wrong in (nobody, engineer):
        body = {"person_id": str(wrong)}
        refused = await onsite.patch(f"/v1/technicians/{AN}", body, etag=etag, role="manager")
        assert (refusal(refused), refused.json()["id"]) == ((422, "no-such-person"), str(wrong))


async def test_who_leaves_is_booked_no_more_and_their_visits_are_planned_anew(onsite: Harness) -> None:
    other = uuid4()
    await onsite.learn({WHO: CHAU, other: CHAU})
    await a_technician(onsite, person_id=str(WHO))
    await a_place(onsite)
    await onsite.deliver(a_diagnosis(), a_decision(), a_reservation())
    second = await a_technician(onsite, "Binh", person_id=str(other))
    left = CHAU.model_copy(update={"active": False, "successor_id": other})
    await onsite.learn({WHO: left.model_copy(update={"successor_id": None})}, version=2)
    await onsite.fire_timers()
    assert (await onsite.get(PATH)).json()["appointment"]["technician_id"] == str(AN)

    await onsite.learn({WHO: left}, version=3)
    await onsite.fire_timers()
    assert (await onsite.get(PATH)).json()["appointment"]["technician_id"] == str(second)
    assert (await onsite.get(f"/v1/technicians/{AN}")).json()["active"] is False
    [moved] = await onsite.events(VisitRescheduled)
    assert (moved.technician_id, moved.person_id, moved.reason) == (second, other, "technician_changed")

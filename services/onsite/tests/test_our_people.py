"""Who works here, as onsite keeps it."""

from typing import Any
from uuid import UUID, uuid4

import pytest

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


async def rows(onsite: Harness) -> str:
    async with onsite.transaction() as tx:
        return str([dict(row) for row in await tx.connection.fetch("SELECT * FROM appointments")])


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
    await do(onsite, "arrive")
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
    assert (changed.status_code, changed.json()["person_id"]) == (200, str(WHO))
    assert await named(onsite) == {"Châu"}
    assert "'An'" not in await rows(onsite)


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

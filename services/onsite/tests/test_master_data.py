"""Technicians, places and policies; who may see and do what."""

import json
from datetime import timedelta
from typing import Any

import pytest

from libs.events.onsite import VisitRescheduled
from services.onsite.tests.builders import (
    ACCOUNT,
    AN,
    BINH,
    ORDER,
    PATH,
    WEDNESDAY,
    a_decision,
    a_diagnosis,
    a_place,
    a_planned_visit,
    a_reservation,
    a_technician,
    an_id,
    do,
)
from tests.support.harness import Harness

TECHNICIAN = f"/v1/technicians/{AN}"
OTHERS: dict[str, Any] = {"role": "customer", "accounts": [an_id("another account")]}


@pytest.mark.promise("S31")
async def test_an_absence_moves_the_visits_of_that_time(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    away = {"starts": "2026-03-04T00:00:00Z", "ends": "2026-03-04T17:00:00Z", "reason": "ill"}

    answer = await onsite.post(f"{TECHNICIAN}/absences", away, role="technician", technician_id=AN)

    assert answer.status_code == 201
    [rescheduled] = await onsite.events(VisitRescheduled)
    assert rescheduled.new is not None
    assert (rescheduled.new.starts, rescheduled.reason) == (WEDNESDAY + timedelta(days=1), "technician_absent")
    assert rescheduled.by_role == "technician"


async def test_two_visits_that_an_absence_moves_do_not_meet(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    other = {"case_id": an_id("case 2"), "diagnosis_id": an_id("diagnosis 2")}
    told = a_diagnosis(**other), a_decision(case_id=other["case_id"]), a_reservation(rma_id=an_id("rma 2"), **other)
    await onsite.deliver(*told)
    away = {"starts": "2026-03-04T00:00:00Z", "ends": "2026-03-04T17:00:00Z", "reason": "ill"}

    await onsite.post(f"{TECHNICIAN}/absences", away, role="technician", technician_id=AN)

    coming = (await onsite.get("/v1/appointments?state=confirmed")).json()["items"]
    first, second = sorted((each["window"]["starts"], each["ends"]) for each in coming)
    assert first[0] == (WEDNESDAY + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert first[1] <= second[0]


async def test_somebody_else_takes_over_when_somebody_can(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await a_technician(onsite, "Bình")
    read = await onsite.get(TECHNICIAN, role="manager")

    answer = await onsite.patch(TECHNICIAN, {"active": False}, etag=read.headers["etag"], role="manager")

    assert (answer.status_code, answer.json()["active"]) == (200, False)
    [rescheduled] = await onsite.events(VisitRescheduled)
    assert rescheduled.new is not None
    assert (rescheduled.new.starts, rescheduled.technician_id) == (WEDNESDAY, BINH)


async def test_a_visit_that_nobody_can_take_over_waits(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    read = await onsite.get(TECHNICIAN, role="manager")

    await onsite.patch(
        TECHNICIAN, {"authorisations": [{"family": "Voyager"}]}, etag=read.headers["etag"], role="manager"
    )

    [rescheduled] = await onsite.events(VisitRescheduled)
    assert rescheduled.new is None
    order = (await onsite.get(PATH)).json()
    assert (order["state"], order["waiting_for"]) == ("open", "technician")


async def test_another_technicians_absence_is_not_theirs_to_tell(onsite: Harness) -> None:
    await a_technician(onsite)
    away = {"starts": "2026-03-04T00:00:00Z", "ends": "2026-03-04T17:00:00Z", "reason": "ill"}

    answer = await onsite.post(f"{TECHNICIAN}/absences", away, role="technician", technician_id=BINH)

    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"time_zone": "Asia/Saigon City"}, "/time_zone"),
        ({"hours": [{"weekdays": [0], "opens": "18:00", "closes": "08:00"}]}, "a window closes after it opens"),
        ({"hours": []}, "/hours"),
        ({"territories": []}, "/territories"),
        ({"name": ""}, "/name"),
        ({"holidays_country": "XX"}, "/holidays_country"),
        ({"home": {"latitude": 91, "longitude": 0}}, "/home/latitude"),
        ({"salary": 1}, "/salary"),
    ],
)
async def test_a_technician_that_cannot_be_is_refused(onsite: Harness, change: dict[str, Any], refused: str) -> None:
    await a_technician(onsite)
    read = await onsite.get(TECHNICIAN, role="manager")

    answer = await onsite.patch(TECHNICIAN, change, etag=read.headers["etag"], role="manager")

    assert answer.status_code == 422
    assert refused in answer.text
    assert (await onsite.get(TECHNICIAN, role="manager")).json() == read.json()


async def test_technicians_are_listed_in_pages(onsite: Harness) -> None:
    for name in ("An", "Bình", "Chi"):
        await a_technician(onsite, name)

    first = (await onsite.get("/v1/technicians?limit=2&family=Studio", role="manager")).json()
    rest = (await onsite.get(f"/v1/technicians?limit=2&cursor={first['next_cursor']}", role="manager")).json()

    assert [t["name"] for t in first["items"] + rest["items"]] == ["An", "Bình", "Chi"]
    assert rest["next_cursor"] is None
    assert (await onsite.get("/v1/technicians?active=false", role="manager")).json()["items"] == []


async def test_a_city_is_on_the_map_once(onsite: Harness) -> None:
    await a_place(onsite, "Hồ Chí Minh")

    same = {"country": "VN", "name": "ho chi minh", "latitude": 10, "longitude": 106}
    refused = await onsite.post("/v1/places", same, role="manager")
    [place] = (await onsite.get("/v1/places?country=VN", role="manager")).json()["items"]
    assert (refused.status_code, refused.json()["id"]) == (409, place["id"])
    read = await onsite.get(f"/v1/places/{place['id']}", role="manager")
    moved = await onsite.patch(
        f"/v1/places/{place['id']}", {"latitude": 10.8, "longitude": 106.7}, etag=read.headers["etag"], role="manager"
    )
    assert moved.json()["latitude"] == 10.8


async def test_another_account_finds_nothing(onsite: Harness) -> None:
    await a_planned_visit(onsite)

    assert (await onsite.get(PATH, **OTHERS)).status_code == 404
    assert (await onsite.get(f"{PATH}/slots", **OTHERS)).status_code == 404
    assert (await onsite.get("/v1/work-orders", **OTHERS)).json()["items"] == []
    assert (await onsite.get("/v1/appointments", **OTHERS)).json()["items"] == []
    body = {"starts": WEDNESDAY.isoformat(), "reason": "not mine"}
    await do(onsite, "reschedule", body, status=404, **OTHERS)
    await do(onsite, "sign-off", {"side": "customer"}, status=404, **OTHERS)
    assert await onsite.events(VisitRescheduled) == []


async def test_the_account_itself_finds_its_work_order(onsite: Harness) -> None:
    await a_planned_visit(onsite)

    listed = (await onsite.get("/v1/work-orders?state=planned", role="customer", accounts=[ACCOUNT])).json()["items"]

    assert [order["id"] for order in listed] == [str(ORDER)]
    assert listed[0]["number"].startswith("WO-2026-")
    assert listed[0]["appointment"]["technician_name"] == "An"


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("POST", f"{PATH}/depart", "customer"),
        ("POST", f"{PATH}/arrive", "engineer"),
        ("POST", f"{PATH}/install", "engineer"),
        ("POST", f"{PATH}/steps", "customer"),
        ("POST", f"{PATH}/fail", "customer"),
        ("POST", f"{PATH}/approve-software", "customer"),
        ("POST", f"{PATH}/book", "partner"),
        ("POST", "/v1/technicians", "engineer"),
        ("POST", "/v1/places", "technician"),
        ("GET", "/v1/technicians", "customer"),
        ("GET", PATH, "partner"),
    ],
)
async def test_a_role_that_may_not_is_told_so(onsite: Harness, method: str, path: str, role: str) -> None:
    answer = await onsite.request(method, path, {} if method == "POST" else None, role=role, accounts=[ACCOUNT])

    assert answer.status_code == 403


async def test_what_was_once_taken_of_a_technician_is_read(onsite: Harness) -> None:
    await a_technician(onsite, "An")
    away = {"starts": "2026-03-04T00:00:00Z", "ends": "2026-03-05T00:00:00Z", "reason": " "}
    async with onsite.transaction() as tx:
        await tx.connection.execute(
            "UPDATE technicians SET absences = $1, authorisations = authorisations || $2",
            json.dumps([away]),
            json.dumps([{"family": " "}]),
        )

    read = await onsite.get(TECHNICIAN, role="manager")

    assert (read.status_code, read.json()["absences"][0]["reason"]) == (200, " ")
    absent = await onsite.post(f"{TECHNICIAN}/absences", away, role="manager")
    assert (absent.status_code, absent.json()["errors"][0]["pointer"]) == (422, "/reason")
    wrong = {"authorisations": [{"family": " "}]}
    changed = await onsite.patch(TECHNICIAN, wrong, etag=read.headers["etag"], role="manager")
    assert (changed.status_code, changed.json()["errors"][0]["pointer"]) == (422, "/authorisations/0/family")

"""Every role on every route: a role sees the rows that docs/access.md gives it, and no other."""

from datetime import timedelta
from uuid import UUID

import pytest

from libs.events.entitlements import ContactState
from services.onsite.app import service
from services.onsite.model.work_order import WorkOrder
from services.onsite.tests.builders import (
    ACCOUNT,
    AN,
    BINH,
    CONTACT,
    HEAD_OFFICE,
    MONDAY,
    ORDER,
    PATH,
    SITE,
    WEDNESDAY,
    a_cancellation,
    a_decision,
    a_diagnosis,
    a_place,
    a_planned_visit,
    a_reservation,
    a_technician,
    an_id,
    at_the_site,
    do,
    work_done,
)
from tests.support.access import Row, World, bind, made, unclassified, wrong_commands, wrong_reads
from tests.support.harness import Harness

HIS = {"role": "technician", "technician_id": AN}
OTHER_ACCOUNT = an_id("other account")


async def a_world(onsite: Harness) -> World:
    """A visit of each of two technicians at each of two accounts, and a work order that nobody is booked for."""
    await a_place(onsite)
    await a_technician(onsite, "An")
    orders, appointments, n = [], [], 0
    for technician, his in ((AN, {"visits"}), (BINH, set())):
        for account, ours in ((ACCOUNT, {"accounts"}), (OTHER_ACCOUNT, set())):
            order = await a_visit(onsite, n := n + 1, account)
            own = frozenset({*his, *ours})
            orders.append(Row({"work_order_id": order}, own))
            appointment = (await onsite.get(f"/v1/work-orders/{order}")).json()["appointment"]
            assert appointment["technician_id"] == str(technician)
            appointments.append(Row({"appointment_id": appointment["id"]}, own))
        if technician == AN:
            await a_technician(onsite, "Bình")
            away = {"starts": "2026-03-05T00:00:00Z", "ends": "2026-06-05T00:00:00Z", "reason": "leave"}
            await made(onsite, f"/v1/technicians/{AN}/absences", away, role="manager")
    bind(onsite, ACCOUNT, technician_id=AN)
    [place] = (await onsite.get("/v1/places")).json()["items"]
    plan = {"day": "2026-03-04", "technician_ids": [str(AN)], "apply": False}
    return World(
        onsite,
        rows={
            "/v1/work-orders": orders,
            "/v1/work-orders/{work_order_id}/slots": orders,
            "/v1/appointments": appointments,
            "/v1/technicians": [Row({"technician_id": AN}, frozenset({"self"})), Row({"technician_id": BINH})],
            "/v1/places": [Row({"place_id": place["id"]})],
            "/v1/day-plans": [Row({"plan_id": await made(onsite, "/v1/day-plans", plan, role="manager")})],
        },
        bodies={
            "/sign-off": lambda role: {"side": "customer" if role in ("customer", "technician") else "support"},
            "/absences": {"starts": "2026-08-05T00:00:00Z", "ends": "2026-08-06T00:00:00Z", "reason": "ill"},
        },
    )


async def a_visit(onsite: Harness, n: int, account: UUID) -> UUID:
    case, diagnosis = an_id(f"case {n}"), an_id(f"diagnosis {n}")
    ids = {"case_id": case, "diagnosis_id": diagnosis}
    await onsite.deliver(
        a_decision(case_id=case, account_id=account), a_diagnosis(**ids), a_reservation(rma_id=an_id(f"rma {n}"), **ids)
    )
    return WorkOrder.id_for(diagnosis)


async def sees(onsite: Harness, **who: object) -> bool:
    """Whether the story's visit is there: by its id, in both lists, and to be acted on."""
    listed = [
        row["id"] if path == "work-orders" else row["work_order_id"]
        for path in ("work-orders", "appointments")
        for row in (await onsite.get(f"/v1/{path}", **who)).json()["items"]
    ]
    status = (await onsite.get(PATH, **who)).status_code
    acted = (await onsite.post(f"{PATH}/depart", **who)).status_code
    assert (status, acted == 404) == ((200, False) if listed else (404, True))
    return str(ORDER) in listed


async def test_the_visit_brings_its_technician_the_contact_and_the_way_in(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    await onsite.learn({SITE: HEAD_OFFICE.model_copy(update={"access_notes": "Gate B"})}, version=2)

    found = (await onsite.get(PATH, **HIS)).json()

    assert (found["site"]["access_notes"], found["contact"]["phone"]) == ("Gate B", "+84 28 5550 0100")
    await onsite.learn({CONTACT: ContactState}, version=2)
    gone = (await onsite.get(PATH, **HIS)).json()["contact"]
    assert (gone["contact_id"], gone["name"], gone["phone"]) == (str(CONTACT), None, None)
    assert (await onsite.get(PATH, role="technician", technician_id=BINH)).status_code == 404
    assert (await onsite.get(PATH, role="technician")).status_code == 404


async def test_a_visit_is_its_technicians_from_the_booking_until_a_day_after_it_is_over(onsite: Harness) -> None:
    assert not await sees(onsite, **HIS)
    await at_the_site(onsite)
    await work_done(onsite)
    await do(onsite, "sign-off", {"side": "support"}, role="engineer")
    await do(onsite, "sign-off", {"side": "customer"}, role="customer", accounts=[ACCOUNT])

    await onsite.advance(timedelta(hours=23, minutes=55))
    assert await sees(onsite, **HIS)
    await onsite.advance(timedelta(minutes=10))
    assert not await sees(onsite, **HIS)
    assert (await onsite.get(PATH, role="customer", accounts=[ACCOUNT])).status_code == 200


async def test_a_visit_that_code_of_before_ended_is_his_no_more(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    assert await sees(onsite, **HIS)
    async with onsite.transaction() as tx:  # it does not know until when a technician sees one
        await tx.connection.execute("UPDATE appointments SET state = 'completed', technicians_until = NULL")

    assert not await sees(onsite, **HIS)


async def test_how_long_after_is_a_policy(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    policy = {"settings": {"technician_sees_hours": 0}, "why": "no longer than needed"}
    assert (await onsite.post("/v1/onsite-policies", policy, role="manager")).status_code == 201

    await onsite.advance(WEDNESDAY + timedelta(hours=1, minutes=31) - MONDAY)
    await onsite.fire_timers()  # nobody came: the visit is missed

    history = (await onsite.get(PATH)).json()["history"]
    assert "visit_missed" in [change["reason"] for change in history]
    [ended] = [row for row in (await onsite.get("/v1/appointments")).json()["items"] if row["state"] == "missed"]
    assert ended["id"] not in [row["id"] for row in (await onsite.get("/v1/appointments", **HIS)).json()["items"]]


@pytest.mark.parametrize("how", ["cancelled", "moved"])
async def test_a_visit_that_is_called_off_or_somebody_elses_now_is_not_his_at_once(onsite: Harness, how: str) -> None:
    await a_planned_visit(onsite)
    assert await sees(onsite, **HIS)
    if how == "cancelled":
        await onsite.deliver(a_cancellation())
    else:
        await a_technician(onsite, "Bình")
        body = {"starts": "2026-03-05T07:00:00Z", "technician_id": str(BINH), "reason": "the van broke down"}
        await do(onsite, "reschedule", body, role="manager")

    assert not await sees(onsite, **HIS)
    assert await sees(onsite, role="technician", technician_id=BINH) == (how == "moved")


def test_every_route_is_in_the_table() -> None:
    assert unclassified(service) == []


async def test_each_role_reads_the_rows_that_the_table_gives_it(onsite: Harness) -> None:
    assert await wrong_reads(await a_world(onsite)) == []


async def test_nobody_commands_a_row_that_is_not_theirs(onsite: Harness) -> None:
    assert await wrong_commands(await a_world(onsite)) == []

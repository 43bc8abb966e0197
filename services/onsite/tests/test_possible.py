"""`possible` names what this caller can do now, and all of it: each role gives each command on each day of a visit's life."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, get_args
from uuid import UUID

import pytest

from services.onsite.queries.access import Command
from services.onsite.tests.builders import (
    ACCOUNT,
    AN,
    MONDAY,
    ORDER,
    PATH,
    a_cancellation,
    a_decision,
    a_delivery,
    a_diagnosis,
    a_place,
    a_planned_visit,
    a_reservation,
    a_shipment,
    a_technician,
    at_the_site,
    do,
    to_the_day,
    work_done,
)
from tests.support.access import bind
from tests.support.harness import Harness
from tests.support.possible import wrongly_possible

THURSDAY = {"starts": "2026-03-05T02:00:00Z"}
BODIES: dict[str, Any] = {
    "book": THURSDAY,
    "reschedule": THURSDAY | {"reason": "later please"},
    "depart": {},
    "undo_depart": {"reason": "flat tyre"},
    "arrive": {"reason": "the guard let me in"},
    "check_in": {"engineer": "Linh"},
    "steps": {"work": "test", "name": "Picture", "passed": True},
    "install": {"serial_in": "CAM-NEW", "serial_out": "CAM-OLD"},
    "sign_off": {"side": "support"},
    "running_late": {"expected_at": "2026-03-04T04:00:00Z"},
    "cancel": {"reason": "not needed now"},
    "fail": {"reason": "customer_declined", "explanation": "Sent away."},
    "approve_software": {"needed_to_restore": True, "reason": "The new camera needs it."},
}


async def without_a_promise(h: Harness) -> None:
    await a_place(h)
    await h.deliver(a_diagnosis(), a_decision())


async def without_a_technician(h: Harness) -> None:
    await without_a_promise(h)
    await h.deliver(a_reservation())
    await a_technician(h)


async def too_early(h: Harness) -> None:
    await a_planned_visit(h)
    await h.deliver(a_shipment(), a_delivery())


async def called_off(h: Harness) -> None:
    await a_planned_visit(h)
    await do(h, "cancel", {"reason": "not that week", "plans_again": True}, role="engineer")


async def on_the_day(h: Harness) -> None:
    await a_planned_visit(h)
    await to_the_day(h)


async def on_the_road(h: Harness) -> None:
    await on_the_day(h)
    await do(h, "depart")


async def arrived(h: Harness) -> None:
    await on_the_road(h)
    await do(h, "arrive", BODIES["arrive"])


async def done(h: Harness) -> None:
    await at_the_site(h)
    await work_done(h)


async def cancelled_while_there(h: Harness) -> None:
    await done(h)
    await h.deliver(a_cancellation())


async def completed(h: Harness) -> None:
    await done(h)
    await do(h, "sign-off", {"side": "support"}, role="engineer")
    await do(h, "sign-off", {"side": "customer"}, role="customer", accounts=[ACCOUNT])


async def failed_for_good(h: Harness) -> None:
    await at_the_site(h)
    await do(h, "fail", BODIES["fail"])


async def cancelled(h: Harness) -> None:
    await a_planned_visit(h)
    await h.deliver(a_cancellation())


DAYS = [
    without_a_promise,
    without_a_technician,
    a_planned_visit,
    too_early,
    called_off,
    on_the_day,
    on_the_road,
    arrived,
    at_the_site,
    done,
    cancelled_while_there,
    completed,
    failed_for_good,
    cancelled,
]


async def anew(h: Harness, _name: str, *, day: Callable[[Harness], Awaitable[None]]) -> UUID:
    await h.empty()
    async with h.database.pool.acquire() as connection:
        await connection.execute("UPDATE app_clock SET time_offset = $1 - clock_timestamp()", MONDAY)
    await day(h)
    return ORDER


@pytest.mark.parametrize("day", DAYS, ids=[day.__name__ for day in DAYS])
async def test_what_a_caller_is_told_is_possible_is_and_nothing_else(
    onsite: Harness, day: Callable[[Harness], Awaitable[None]]
) -> None:
    assert set(BODIES) == set(get_args(Command))
    bind(onsite, ACCOUNT, technician_id=AN)
    bodies = {role: BODIES | {"sign_off": {"side": "customer"}} for role in ("customer", "technician")}
    make = partial(anew, onsite, day=day)
    assert await wrongly_possible(onsite, "/v1/work-orders", lambda role: bodies.get(role, BODIES), make) == []


async def test_every_answer_says_what_is_possible_for_who_asks(onsite: Harness) -> None:
    await on_the_day(onsite)
    [listed] = (await onsite.get("/v1/work-orders", role="customer", accounts=[ACCOUNT])).json()["items"]
    on_the_way = await do(onsite, "depart")
    assert (listed["possible"], on_the_way["possible"]) == (
        ["cancel", "reschedule"],
        ["arrive", "running_late", "undo_depart"],
    )
    assert (await onsite.get(PATH)).json()["possible"] == ["approve_software"]


async def test_a_technician_can_do_nothing_with_anothers_visit(onsite: Harness) -> None:
    """He still sees the work order by his visit that failed; the next one is another's."""
    await at_the_site(onsite)
    await a_technician(onsite, "Bình")
    away = {"starts": "2026-03-04T12:00:00Z", "ends": "2026-06-05T00:00:00Z", "reason": "leave"}
    assert (await onsite.post(f"/v1/technicians/{AN}/absences", away, role="manager")).status_code == 201
    again = await do(onsite, "fail", {"reason": "contact_absent", "explanation": "Nobody there."})
    assert again["appointment"]["technician_name"] == "An"
    assert (again["state"], again["possible"]) == ("planned", [])
    assert (await do(onsite, "depart", status=403))["title"] == "Not allowed"

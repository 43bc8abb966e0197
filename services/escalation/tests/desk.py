"""A desk to try assigning at: who is there, an automatic queue, and cases that wait in it."""

from datetime import timedelta
from typing import Any

import httpx

from libs.events.escalation import AssigneeProposed
from services.escalation.tests.builders import ACase, a_case, id_of
from tests.support.harness import Harness

ROUND_THE_CLOCK = {
    "time_zone": "Asia/Ho_Chi_Minh",
    "windows": [{"weekdays": [0, 1, 2, 3, 4, 5, 6], "opens": "00:00", "closes": "24:00"}],
}


async def numbers(h: Harness, **settings: Any) -> None:
    """New ones hold from now on."""
    body = {"settings": {"step_minutes": 10_000, **settings}, "why": "to try it"}
    made = await h.post("/v1/escalation-policies", body, role="manager")
    assert made.status_code == 201, made.text


async def automatic(h: Harness, *queues: str, **settings: Any) -> None:
    """The cases of these queues are given to somebody by themselves."""
    await numbers(h, automatic_queues=queues or ["video"], **settings)


async def at_the_desk(h: Harness, name: str, *, there: bool = True, **more: Any) -> dict[str, Any]:
    """Somebody who is given what stands in the queue `video`, and says that they are there."""
    body = {"person_id": str(id_of(name)), "queues": ["video"], "hours": ROUND_THE_CLOCK, **more}
    made = await h.post("/v1/desk-members", body, role="manager")
    assert made.status_code == 201, made.text
    if there:
        assert (await says(h, name, "available")).status_code == 200
    found: dict[str, Any] = made.json()
    return found


async def says(h: Harness, name: str, presence: str, until: timedelta | None = None) -> httpx.Response:
    """Of themselves, for so long where it is told."""
    ends = {"until": (await h.now() + until).isoformat()} if until else {}
    return await h.post("/v1/presence", {"presence": presence, **ends}, role="engineer", person_id=id_of(name))


async def waiting(h: Harness, severity: Any = "minor", queue: str = "video", *, decided: bool = True) -> ACase:
    """A case that came into a queue just now, and of which entitlements has decided."""
    case = await a_case(h, severity)
    await h.deliver(case.routed(queue, 0))
    if decided:
        await h.deliver(case.covered())
    return case


async def proposed(h: Harness) -> list[tuple[Any, str | None]]:
    """For which case, and whom, in their order."""
    names = {id_of(name): name for name in ("An", "Binh", "Chi", "Dung", "Em")}
    return [
        (each.case_id, names[each.person_id] if each.person_id else None) for each in await h.events(AssigneeProposed)
    ]


async def took(h: Harness) -> None:
    """Cases does what was proposed last."""
    last = (await h.events(AssigneeProposed))[-1]
    case = ACase(await h.now())
    case.id = last.case_id
    assigned = case.assigned(0).model_copy(update={"assignee_id": last.person_id})
    await h.deliver(h.delivery(assigned, actor="system:cases"))

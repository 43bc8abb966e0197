"""`possible` names what this caller can do now, and all of it: each role gives each command to an escalation in each state."""

from functools import partial
from typing import Any, get_args
from uuid import UUID

import pytest

from services.escalation.model.escalation import Escalation, machine
from services.escalation.queries.access import Command
from services.escalation.tests.builders import ACCOUNT, a_case, an_expert, id_of
from services.escalation.tests.test_escalations import a_policy, act, an_escalation, step
from tests.support.access import bind
from tests.support.harness import Harness
from tests.support.possible import wrongly_possible


async def in_state(escalation: Harness, _name: str, *, state: Any, closed: bool) -> UUID:
    case = await a_case(escalation)
    raised = UUID((await an_escalation(escalation, case))["id"])
    if closed:
        await escalation.deliver(case.closed(2))
    async with escalation.transaction() as tx:
        (await Escalation.get(raised, tx, lock=True)).state = state
    return raised


@pytest.mark.parametrize("closed", [False, True], ids=["open", "closed"])
@pytest.mark.parametrize("state", sorted(machine.states))
async def test_what_a_caller_is_told_is_possible_is_and_nothing_else(
    escalation: Harness, state: str, closed: bool
) -> None:
    bodies: dict[str, Any] = {
        "acknowledge": {},
        "hand_over": {"person_id": str(id_of("Em")), "note": "Yours"},
        "engage_expert": {"expert_id": await an_expert(escalation, "helper", max_load=100), "reason": "Needed"},
        "resolve": {"resolution": "Solved"},
    }
    assert set(bodies) == set(get_args(Command))
    bind(escalation, ACCOUNT)
    make = partial(in_state, escalation, state=state, closed=closed)
    assert await wrongly_possible(escalation, "/v1/escalations", lambda _: bodies, make) == []


async def test_nobody_is_told_to_take_one_step_up_twice(escalation: Harness) -> None:
    await a_policy(escalation, step("An", "Binh", wants=2))
    raised = await an_escalation(escalation, await a_case(escalation))
    mine = (await act(escalation, raised, "acknowledge", role="engineer")).json()["possible"]
    [others] = (await escalation.get("/v1/escalations", role="manager")).json()["items"]
    again = await act(escalation, raised, "acknowledge", role="engineer")
    assert (mine, others["possible"]) == (["engage_expert", "resolve"], ["acknowledge", "engage_expert", "resolve"])
    assert (again.status_code, again.json()["possible"]) == (409, mine)

"""Nobody took an escalation up: it is never quiet for ever."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.escalation import EscalationUnanswered
from services.escalation.tests.builders import a_case, a_person, id_of, now_after
from services.escalation.tests.test_escalations import a_policy, act, an_escalation, called, step
from tests.support.harness import Harness


@pytest.mark.promise("S23", "S24")
async def test_after_the_last_repeat_service_management_and_admins_are_told_each_hour_until_somebody_answers(
    escalation: Harness,
) -> None:
    roles: dict[str, Any] = {"roles": ["admin", "engineer"]}
    await escalation.learn({id_of("Em"): a_person("Em").model_copy(update=roles)}, version=2)
    left = a_person("Dung").model_copy(update={**roles, "active": False})
    await escalation.learn({id_of("Dung"): left}, version=2)
    await a_policy(escalation, step("An"), step("Binh", minutes=30), repeat=1)
    case = await a_case(escalation, "minor")  # nothing of it is due soon
    await escalation.deliver(case.responded(0))
    raised = await an_escalation(escalation, case)
    await escalation.advance(timedelta(minutes=89))
    assert [e for e in await escalation.events(EscalationUnanswered) if str(e.escalation_id) == raised["id"]] == []
    await escalation.advance(timedelta(minutes=150))

    calls = await escalation.events(EscalationUnanswered)
    assert {each.number for each in calls} == {raised["number"]}
    assert [each.call for each in calls] == [1, 2, 3]
    [since] = {each.unanswered_at for each in calls}
    assert [each.next_call_at for each in calls] == [since + timedelta(hours=each) for each in (1, 2, 3)]
    everybody = [("service_management", None), ("admin", id_of("Em"))]
    assert [[(r.kind, r.id) for r in each.recipients] for each in calls] == [everybody] * 3
    shown = (await escalation.get(f"/v1/escalations/{raised['id']}")).json()
    assert [change["state"] for change in shown["history"]] == ["triggered", "unanswered"]
    too_early = await act(escalation, raised, "hand-over", {"person_id": str(id_of("Em")), "note": "Yours"})
    assert (too_early.status_code, too_early.json()["state"]) == (409, "unanswered")
    assert (await act(escalation, raised, "acknowledge")).json()["state"] == "acknowledged"

    await escalation.advance(timedelta(minutes=29))
    await escalation.deliver(case.noted(await now_after(escalation, case)))
    await escalation.advance(timedelta(minutes=29))
    assert len(await escalation.events(EscalationUnanswered)) == 3
    steps = await called(escalation)
    await escalation.advance(
        timedelta(minutes=92)
    )  # silent: called again, from the first step on, and nobody answers again
    assert (await called(escalation))[len(steps) :] == steps
    assert [each.call for each in await escalation.events(EscalationUnanswered)] == [1, 2, 3, 1]
    assert (await act(escalation, raised, "resolve", {"resolution": "Solved"})).status_code == 200
    await escalation.advance(timedelta(hours=3))
    assert len(await escalation.events(EscalationUnanswered)) == 4


async def test_calls_that_were_due_while_nobody_could_make_them_are_made_up_for_by_one(escalation: Harness) -> None:
    await a_policy(escalation, step("An"), repeat=0)
    numbers = {"settings": {"unanswered_minutes": 20}, "why": "a test"}
    assert (await escalation.post("/v1/escalation-policies", numbers, role="manager")).status_code == 201
    case = await a_case(escalation, "minor")
    await an_escalation(escalation, case)
    await escalation.advance(timedelta(minutes=16))
    await escalation._hop(case.at(15 + 70))
    await escalation.fire_timers()
    first, late = await escalation.events(EscalationUnanswered)
    assert (first.call, late.call) == (1, 4)
    assert late.next_call_at == late.unanswered_at + timedelta(minutes=80)

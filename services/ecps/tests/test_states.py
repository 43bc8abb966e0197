"""The two machines, and what the API says where no way leads."""

import pytest

from libs.kit.states import ForbiddenTransition
from libs.store.ids import new_id
from services.ecps.model.engagement import Engagement, machine
from services.ecps.model.joint_call import JointCall, call_machine
from services.ecps.tests.builders import ACCOUNT, PARTNER, a_case_with_wish, a_partner, an_opened_engagement
from tests.support.harness import Harness


async def test_every_allowed_transition_is_recorded_and_every_other_is_refused(ecps: Harness) -> None:
    async with ecps.transaction() as tx:
        for state, to in machine.allowed_pairs():
            engagement = Engagement(
                id=new_id(), account_id=ACCOUNT, number="PE", case_id=new_id(), diagnosis_id=new_id(), partner_id=PARTNER,
                partner_name="Cloud", language="vi", state=state, our_reference="PE", asked_at=tx.now, history=[],
                created_at=tx.now,
            )  # fmt: skip
            engagement.to(to, tx, "because")
            assert [(step.state, step.reason, step.by) for step in engagement.history] == [
                (to, "because", "system:test")
            ]
        for state, to in machine.forbidden_pairs():
            engagement.state = state
            with pytest.raises(ForbiddenTransition) as refusal:
                engagement.to(to, tx, "because")
            assert refusal.value.extra["possible"] == machine.possible(state)
            assert engagement.state == state


async def test_every_transition_of_a_call_is_allowed_or_refused_as_its_machine_says(ecps: Harness) -> None:
    async with ecps.transaction() as tx:
        call = JointCall(
            id=new_id(), account_id=ACCOUNT, number="JC", case_id=new_id(), engagement_id=None, diagnosis_id=None,
            partner_id=PARTNER, partner_name="Cloud", purpose="talk", proposed=[], time_zone="UTC", participants=[],
            actions=[], history=[], created_at=tx.now,
        )  # fmt: skip
        for state, to in call_machine.allowed_pairs():
            call.state = state
            call.to(to, tx, "because")
            assert call.history[-1].state == to
        for state, to in call_machine.forbidden_pairs():
            call.state = state
            with pytest.raises(ForbiddenTransition):
                call.to(to, tx, "because")


async def test_a_refused_command_names_the_state_and_what_is_possible(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    again = await ecps.post(f"{case.path}/ticket", {"ticket_number": "TT-2"})
    assert (again.status_code, again.json()["state"]) == (409, "opened")
    assert "resolved" in again.json()["possible"]

    assert (await ecps.post(f"{case.path}/withdraw", {"reason": "solved"})).json()["state"] == "withdrawn"
    before = len(await ecps.outbox())
    for path, body in (("withdraw", {"reason": "again"}), ("notes", {"text": "hello"})):
        refused = await ecps.post(f"{case.path}/{path}", body)
        assert (refused.status_code, refused.json()["state"], refused.json()["possible"]) == (409, "withdrawn", [])
    assert len(await ecps.outbox()) == before


async def test_a_closed_case_takes_no_commands(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    await ecps.deliver(case.closed())
    for path, body in (("withdraw", {"reason": "again"}), ("notes", {"text": "hello"})):
        refused = await ecps.post(f"{case.path}/{path}", body)
        assert (refused.status_code, refused.json()["state"]) == (422, "closed")
    call = await ecps.post(
        "/v1/joint-calls", {"case_id": str(case.id), "partner_id": str(PARTNER), "purpose": "talk"}, role="engineer"
    )
    assert (call.status_code, call.json()["state"], call.json()["possible"]) == (422, "closed", [])

"""What was typed about an escalation is kept nowhere here once the fact that told it was taken out."""

from typing import Any

import pytest

from libs.events.escalation import BreachJoined, EscalationAcknowledged, EscalationRaised
from services.escalation.tests.builders import ACCOUNT, a_case, id_of
from services.escalation.tests.test_escalations import act, an_escalation
from tests.support.harness import Harness
from tests.support.taking_out import SAID, everything, fact_saying, forget_outbox, taken_out

COMMANDS: dict[str, dict[str, Any]] = {
    "acknowledge": {"note": SAID},
    "hand-over": {"note": SAID, "person_id": str(id_of("An"))},
    "resolve": {"resolution": SAID},
}


@pytest.mark.parametrize("outbox", ["kept", "gone"])
@pytest.mark.parametrize("what", COMMANDS)
async def test_what_was_typed_with_a_command_goes_with_the_fact_that_told_it(
    escalation: Harness, what: str, outbox: str
) -> None:
    case = await a_case(escalation)
    raised = await an_escalation(escalation, case)
    if what == "hand-over":
        await act(escalation, raised, "acknowledge")
    done = await act(escalation, raised, what, COMMANDS[what], person_id=id_of("An"))
    assert done.status_code == 200, done.text
    acknowledged = EscalationAcknowledged.contract.ce_type
    fact = await fact_saying(escalation, type=acknowledged if what == "acknowledge" else None)
    if outbox == "gone":
        await forget_outbox(escalation)
    assert SAID in await everything(escalation)
    await escalation.deliver(taken_out(case.id, fact))
    assert SAID not in await everything(escalation)


async def test_why_somebody_escalated_goes_with_the_fact_that_it_was_raised(escalation: Harness) -> None:
    case = await a_case(escalation)
    body = {"case_id": str(case.id), "reason": SAID}
    assert (await escalation.post("/v1/escalations", body, role="manager")).status_code == 201
    await escalation.deliver(taken_out(case.id, await fact_saying(escalation, type=EscalationRaised.contract.ce_type)))
    assert SAID not in await everything(escalation)


async def test_why_somebody_else_escalated_goes_and_the_first_reason_stays(escalation: Harness) -> None:
    case = await a_case(escalation)
    raised = await an_escalation(escalation, case)
    body = {"case_id": str(case.id), "reason": SAID}
    again = await escalation.post("/v1/escalations", body, role="customer", accounts=[ACCOUNT])
    assert again.status_code < 300, again.text
    await escalation.deliver(taken_out(case.id, await fact_saying(escalation, type=BreachJoined.contract.ce_type)))
    assert SAID not in await everything(escalation)
    left = (await escalation.get(f"/v1/escalations/{raised['id']}", role="manager")).json()
    assert (left["reason"], left["explanation"]) == ("manager", raised["explanation"])
    assert "customer_request" in await everything(escalation)

"""Both legs' machines, pair by pair, and the label's."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.kit.states import ForbiddenTransition, StateMachine
from libs.store import Scope, Transaction
from libs.store.ids import new_id
from services.rma.model import return_leg
from services.rma.model.return_leg import return_machine
from services.rma.model.rma import OutboundState, ReturnState, Rma, outbound_machine
from services.rma.model.shipment import label_machine

_README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def a_transaction() -> Transaction:
    return Transaction(None, Scope("worker", actor="test"), datetime.now(UTC))  # type: ignore[arg-type]  # nothing is stored


def an_rma(state: OutboundState = "requested", return_state: ReturnState = "not_required") -> Rma:
    return Rma(
        id=new_id(), account_id=new_id(), number="RMA-1", case_id=new_id(), case_number=None, diagnosis_id=new_id(),
        cause_id=new_id(), component="camera", whole_unit=False, wanted_part=None, product_number=None, serial=None,
        severity=None, priority=None, onsite=False, diagnosed_at=datetime.now(UTC), repeat_of=[], return_serial=None,
        history=[], created_at=datetime.now(UTC), state=state, return_state=return_state,
    )  # fmt: skip


@pytest.mark.parametrize(("state", "to"), outbound_machine.allowed_pairs())
def test_the_outbound_leg_goes_on_and_records_who_when_and_why(state: OutboundState, to: OutboundState) -> None:
    rma = an_rma(state)
    rma.to(to, a_transaction(), "because")
    [step] = rma.history
    assert (rma.state, step.leg, step.state, step.by, step.reason) == (to, "outbound", to, "test", "because")


@pytest.mark.parametrize(("state", "to"), outbound_machine.forbidden_pairs())
def test_the_outbound_leg_goes_nowhere_else_and_says_what_is_possible(state: OutboundState, to: OutboundState) -> None:
    rma = an_rma(state)
    with pytest.raises(ForbiddenTransition) as refused:
        rma.to(to, a_transaction(), "because")
    assert (rma.state, rma.history) == (state, [])
    assert refused.value.extra["possible"] == outbound_machine.possible(state)


@pytest.mark.parametrize(("state", "to"), return_machine.allowed_pairs())
def test_the_return_leg_goes_on_and_leaves_the_outbound_alone(state: ReturnState, to: ReturnState) -> None:
    rma = an_rma("delivered", state)
    return_leg.go(rma, to, a_transaction(), "because")
    assert (rma.state, rma.return_state, rma.history[0].leg) == ("delivered", to, "return")


@pytest.mark.parametrize(("state", "to"), return_machine.forbidden_pairs())
def test_the_return_leg_goes_nowhere_else(state: ReturnState, to: ReturnState) -> None:
    rma = an_rma("delivered", state)
    with pytest.raises(ForbiddenTransition):
        return_leg.go(rma, to, a_transaction(), "because")
    assert (rma.return_state, rma.history) == (state, [])


@pytest.mark.promise("S3")
def test_no_state_of_the_way_back_is_needed_for_any_step_of_the_way_out() -> None:
    for return_state in return_machine.states:
        for state, to in outbound_machine.allowed_pairs():
            an_rma(state, return_state).to(to, a_transaction(), "whatever the defective part does")


@pytest.mark.parametrize("machine", [outbound_machine, return_machine], ids=["outbound", "return"])
def test_the_readme_draws_the_machine_as_it_is(machine: StateMachine[str]) -> None:
    drawn = set(re.sub(r"[ \t]+", " ", machine.mermaid()).splitlines())
    pictures = [
        set(re.sub(r"[ \t]+", " ", each).splitlines())
        for each in re.findall(r"```mermaid\n(.*?)```", _README, re.DOTALL)
    ]
    assert any({line.strip() for line in drawn} == {line.strip() for line in each} for each in pictures)


def test_a_label_that_was_given_up_stays_void() -> None:
    assert label_machine.possible("void") == []

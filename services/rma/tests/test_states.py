"""Both legs' machines, move by move, and the label's."""

import re
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from libs.kit.states import ForbiddenTransition, StateMachine
from libs.store import Scope, Transaction
from libs.store.ids import new_id
from services.rma.model import charge, return_leg
from services.rma.model.charge import charge_machine
from services.rma.model.outbound_leg import outbound_machine
from services.rma.model.return_leg import return_machine
from services.rma.model.rma import Rma
from services.rma.model.rma_values import ChargeState, OutboundState, ReturnState
from services.rma.model.shipment import LabelState, Shipment, label_machine
from services.rma.tests.builders import Case, made, reserved, seen
from services.rma.tests.network import a_network
from tests.support.harness import Harness

_README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")

OUTBOUND: dict[OutboundState, set[OutboundState]] = {
    "requested": {"authorized", "denied", "cancelled"},
    "denied": {"authorized", "cancelled"},
    "authorized": {"reserved", "backordered", "requested", "cancelled"},
    "reserved": {"reserved", "backordered", "shipped", "requested", "cancelled"},
    "backordered": {"reserved", "requested", "cancelled"},
    "shipped": {"delivered", "lost", "refused"},
    "refused": {"reserved", "cancelled"},
    "delivered": {"dead_on_arrival", "closed"},
    "lost": set(),
    "dead_on_arrival": set(),
    "cancelled": set(),
    "closed": set(),
}
RETURN: dict[ReturnState, set[ReturnState]] = {
    "not_required": {"awaiting_return"},
    "awaiting_return": {"not_required", "in_transit", "received", "overdue"},
    "overdue": {"in_transit", "received", "waived"},
    "in_transit": {"received", "lost"},
    "received": {"inspected", "wrong_unit", "serial_mismatch"},
    "serial_mismatch": {"inspected", "wrong_unit", "awaiting_return"},
    "wrong_unit": {"awaiting_return"},
    # what was given up and is in the depot all the same
    "waived": {"received"},
    "lost": {"received"},
}
CHARGE: dict[ChargeState, set[ChargeState]] = {
    "none": {"invoiced"},
    "invoiced": {"disputed", "credited", "waived"},
    "disputed": {"invoiced", "credited", "waived"},
}


def pairs(moves: Any) -> set[tuple[Any, Any]]:
    return {(state, to) for state, targets in moves.items() for to in targets}


def forbidden(allowed: set[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    states = sorted({state for pair in allowed for state in pair})
    return [pair for pair in product(states, states) if pair not in allowed]


OUT, BACK = pairs(OUTBOUND), pairs(RETURN)
CHARGED = pairs(CHARGE)


@pytest.mark.parametrize(
    ("machine", "moves"),
    [(outbound_machine, OUT), (return_machine, BACK), (charge_machine, CHARGED)],
    ids=["out", "back", "charge"],
)
def test_the_machine_makes_the_moves_of_the_table_and_no_other(
    machine: StateMachine[str], moves: set[tuple[str, str]]
) -> None:
    assert set(machine.allowed_pairs()) == moves


def a_transaction() -> Transaction:
    return Transaction(None, Scope("worker", actor="test"), datetime.now(UTC))  # type: ignore[arg-type]  # nothing is stored


def an_rma(state: OutboundState = "requested", return_state: ReturnState = "not_required") -> Rma:
    return Rma(
        id=new_id(),
        account_id=new_id(),
        number="RMA-1",
        case_id=new_id(),
        case_number=None,
        diagnosis_id=new_id(),
        cause_id=new_id(),
        component="camera",
        whole_unit=False,
        wanted_part=None,
        product_number=None,
        serial=None,
        severity=None,
        priority=None,
        onsite=False,
        diagnosed_at=datetime.now(UTC),
        repeat_of=[],
        return_serial=None,
        history=[],
        created_at=datetime.now(UTC),
        state=state,
        return_state=return_state,
    )


@pytest.mark.parametrize(("state", "to"), sorted(OUT))
def test_the_outbound_leg_goes_on_and_records_who_when_and_why(state: OutboundState, to: OutboundState) -> None:
    rma = an_rma(state)
    rma.become(to, a_transaction(), "because")
    [change] = rma.history
    assert (rma.state, change.leg, change.state, change.by, change.reason) == (to, "outbound", to, "test", "because")


@pytest.mark.parametrize(("state", "to"), forbidden(OUT))
def test_the_outbound_leg_goes_nowhere_else_and_says_what_is_possible(state: OutboundState, to: OutboundState) -> None:
    rma = an_rma(state)
    with pytest.raises(ForbiddenTransition) as refused:
        rma.become(to, a_transaction(), "because")
    assert (rma.state, rma.history) == (state, [])
    assert refused.value.extra["possible"] == sorted(end for start, end in OUT if start == state)


@pytest.mark.parametrize(("state", "to"), sorted(BACK))
def test_the_return_leg_goes_on_and_leaves_the_outbound_alone(state: ReturnState, to: ReturnState) -> None:
    rma = an_rma("delivered", state)
    return_leg.become(rma, to, a_transaction(), "because")
    assert (rma.state, rma.return_state, rma.history[0].leg) == ("delivered", to, "return")


@pytest.mark.parametrize(("state", "to"), forbidden(BACK))
def test_the_return_leg_goes_nowhere_else(state: ReturnState, to: ReturnState) -> None:
    rma = an_rma("delivered", state)
    with pytest.raises(ForbiddenTransition):
        return_leg.become(rma, to, a_transaction(), "because")
    assert (rma.return_state, rma.history) == (state, [])


@pytest.mark.parametrize(("state", "to"), sorted(CHARGED))
def test_the_charge_goes_on_and_leaves_both_legs_alone(state: ChargeState, to: ChargeState) -> None:
    rma = an_rma("delivered", "overdue")
    rma.charge = state
    charge.become(rma, to, a_transaction(), "because")
    assert (rma.state, rma.return_state, rma.charge, rma.history[0].leg) == ("delivered", "overdue", to, "charge")


@pytest.mark.parametrize(("state", "to"), forbidden(CHARGED))
def test_the_charge_goes_nowhere_else(state: ChargeState, to: ChargeState) -> None:
    rma = an_rma("delivered", "overdue")
    rma.charge = state
    with pytest.raises(ForbiddenTransition):
        charge.become(rma, to, a_transaction(), "because")
    assert (rma.charge, rma.history) == (state, [])


@pytest.mark.promise("S3")
@pytest.mark.parametrize("return_state", sorted({state for pair in BACK for state in pair}))
async def test_whatever_the_way_back_has_come_to_the_depot_ships_and_the_part_is_delivered(
    rma: Harness, return_state: ReturnState
) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    async with rma.transaction() as tx:
        (await Rma.get(rma_id, tx, lock=True)).return_state = return_state

    body = {"serial": "NEW-1", "carrier": "depot van", "tracking": "VAN-1"}
    await made(rma, f"/v1/rmas/{rma_id}/ship", body, role="depot")
    await made(rma, f"/v1/rmas/{rma_id}/deliver", {}, role="depot")

    found = await seen(rma, rma_id)
    assert found["delivered_at"]
    assert (found["shipped_serial"], found["tracking"]) == ("NEW-1", "VAN-1")


@pytest.mark.parametrize(
    "machine", [outbound_machine, return_machine, charge_machine], ids=["outbound", "return", "charge"]
)
def test_the_readme_draws_the_machine_as_it_is(machine: StateMachine[str]) -> None:
    drawn = set(re.sub(r"[ \t]+", " ", machine.mermaid()).splitlines())
    pictures = [
        set(re.sub(r"[ \t]+", " ", each).splitlines())
        for each in re.findall(r"```mermaid\n(.*?)```", _README, re.DOTALL)
    ]
    assert any({line.strip() for line in drawn} == {line.strip() for line in each} for each in pictures)


@pytest.mark.parametrize("state", sorted(label_machine.states))
def test_a_label_that_was_given_up_stays_void_whatever_the_carrier_answers(state: LabelState) -> None:
    label = Shipment(
        id=new_id(),
        account_id=new_id(),
        rma_id=new_id(),
        direction="outbound",
        reference="RMA-1-OUT-1",
        state=state,
        service="next_business_day",
        papers=[],
        news=[],
        created_at=datetime.now(UTC),
    )
    label.give_up()
    label.bought("T-1", "simulated-express", None, None)
    label.refused("too heavy")
    assert label.state == "void"

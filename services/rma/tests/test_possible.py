"""`possible` names what this caller can do now, and all of it: each role gives each command to an RMA in each state of both legs."""

from functools import partial
from typing import Any, get_args
from uuid import UUID

import pytest

from libs.events.values import Money
from services.rma.model.charge import charge_machine
from services.rma.model.outbound_leg import UNSHIPPED, outbound_machine
from services.rma.model.return_leg import return_machine
from services.rma.model.rma import Rma
from services.rma.model.rma_values import Invoice
from services.rma.queries.access import Command
from services.rma.tests.builders import ACCOUNT, Case, delivered, goods_in, reserved
from services.rma.tests.network import HCM, a_network
from tests.support.access import bind
from tests.support.harness import Harness
from tests.support.possible import wrongly_possible

BODIES: dict[str, dict[str, Any]] = {
    "pick": {"serial": "P"},
    "short_pick": {"what": "missing"},
    "found": {},
    "send_again": {"reason": "agreed with the customer"},
    "ship": {"serial": "X", "carrier": "van", "tracking": "1"},
    "deliver": {},
    "lost": {"reason": "gone"},
    "confirm_installed": {},
    "dead_on_arrival": {"symptom": "stays dark"},
    "cancel": {"reason": "not needed"},
    "re_source": {"reason": "the shelf is under water"},
    "override": {"reason": "goodwill"},
    "receive": {"serial": "OLD-1"},
    "inspect": {"result": "wrong_unit"},
    "settle": {"outcome": "waived", "reason": "goodwill"},
    "dispute": {"reason": "it was sent back"},
}
LEGS = [
    *((state, "not_required", "none") for state in sorted(outbound_machine.states)),
    *(("delivered", state, "none") for state in sorted(return_machine.states)),
    *(("delivered", "overdue", state) for state in sorted(charge_machine.states - {"none"})),
]


async def in_state(rma: Harness, name: str, *, state: Any, return_state: Any, charge: Any, cancelled: bool) -> UUID:
    case = Case(name)
    serial = "NEW-" + name.replace(" ", "-")
    rma_id = await (reserved(rma, case) if state in UNSHIPPED else delivered(rma, case, serial=serial))
    if cancelled:
        await rma.deliver(case.cancelled())
    async with rma.transaction() as tx:
        found = await Rma.get(rma_id, tx, lock=True)
        found.state, found.return_state, found.charge = state, return_state, charge
        if charge != "none":
            found.invoice = Invoice(number=name, amount=Money(amount_minor=1, currency="USD"), invoiced_at=tx.now)
    return rma_id


@pytest.mark.parametrize("cancelled", [False, True], ids=["open", "cancelled"])
@pytest.mark.parametrize(("state", "return_state", "charge"), LEGS)
async def test_what_a_caller_is_told_is_possible_is_and_nothing_else(
    rma: Harness, state: str, return_state: str, charge: str, cancelled: bool
) -> None:
    assert set(BODIES) == set(get_args(Command))
    await a_network(rma, in_singapore=20)
    await goods_in(rma, 20)
    bind(rma, ACCOUNT, depots=[HCM])
    make = partial(in_state, rma, state=state, return_state=return_state, charge=charge, cancelled=cancelled)
    assert await wrongly_possible(rma, "/v1/rmas", lambda _: BODIES, make) == []


async def test_every_answer_says_what_is_possible_for_who_asks(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    customer = {"role": "customer", "accounts": [ACCOUNT]}
    expected = ["confirm_installed", "dead_on_arrival"]
    [listed] = (await rma.get("/v1/rmas", **customer)).json()["items"]
    done = await rma.post(f"/v1/rmas/{rma_id}/confirm-installed", {}, **customer)
    assert (listed["possible"], done.json()["possible"]) == (expected, [])

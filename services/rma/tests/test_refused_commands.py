"""Commands that are refused: by who asks, by what is not there, by the state. Each names why, and changes nothing."""

from typing import Any

import pytest

from libs.store.ids import new_id
from services.rma.tests.builders import OTHER_ACCOUNT, Case, delivered, refused
from services.rma.tests.network import a_network
from tests.support.harness import Harness

_BODIES: dict[str, dict[str, Any]] = {
    "ship": {"serial": "X", "carrier": "van", "tracking": "1"},
    "deliver": {},
    "lost": {"reason": "gone"},
    "receive": {"serial": "X"},
    "inspect": {"result": "confirmed"},
    "cancel": {"reason": "not needed"},
    "re-source": {"reason": "the shelf is under water"},
    "override": {"reason": "goodwill"},
    "settle": {"outcome": "waived", "reason": "goodwill"},
}
_ROLES = {"override": "manager", "settle": "manager", "cancel": "engineer", "re-source": "engineer"}


@pytest.mark.parametrize("action", _BODIES)
async def test_a_customer_does_none_of_the_depots_and_managers_acts(rma: Harness, action: str) -> None:
    path = f"/v1/rmas/{new_id()}/{action}"
    answer = await rma.post(path, _BODIES[action], role="customer", accounts=[OTHER_ACCOUNT])
    assert refused(answer) == (403, "forbidden")
    assert "customer" not in answer.json()["allowed"]


@pytest.mark.parametrize("action", _BODIES)
async def test_an_rma_that_is_not_there_is_not_found(rma: Harness, action: str) -> None:
    path = f"/v1/rmas/{new_id()}/{action}"
    assert refused(await rma.post(path, _BODIES[action], role=_ROLES.get(action, "depot"))) == (404, "missing")


@pytest.mark.parametrize(
    ("action", "state", "possible"),
    [
        ("ship", "delivered", ["receive"]),
        ("deliver", "delivered", ["receive"]),
        ("lost", "delivered", ["receive"]),
        ("cancel", "delivered", ["confirm_installed", "dead_on_arrival"]),
        ("override", "delivered", ["confirm_installed", "dead_on_arrival"]),
        ("settle", "awaiting_return", ["confirm_installed", "dead_on_arrival"]),
        ("inspect", "awaiting_return", ["receive"]),
    ],
)
async def test_what_a_delivered_rma_does_not_allow_names_the_state_and_what_is_possible(
    rma: Harness, action: str, state: str, possible: list[str]
) -> None:
    await a_network(rma)
    rma_id = await delivered(rma, Case())
    before = await rma.state()
    answer = await rma.post(f"/v1/rmas/{rma_id}/{action}", _BODIES[action], role=_ROLES.get(action, "depot"))
    assert refused(answer) == (409, "not-possible-now")
    assert (answer.json()["state"], answer.json()["possible"]) == (state, possible)
    assert await rma.state() == before

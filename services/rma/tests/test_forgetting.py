"""A contact is forgotten: in the replica, whatever comes first, and where somebody's name was typed."""

from services.rma.model.people import KnownContact
from services.rma.model.rma import Rma
from services.rma.tests.builders import ACCOUNT, CONTACT, Case, made, reserved, seen, shipped
from services.rma.tests.network import a_network
from tests.support.forgetting import erased, forgets_in_any_order, open_with
from tests.support.harness import Harness


async def test_a_contact_is_forgotten_whatever_comes_first(rma: Harness) -> None:
    await forgets_in_any_order(rma, KnownContact)


async def test_who_took_a_parcel_that_was_theirs_is_forgotten_with_them(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await shipped(rma, Case())
    body = {"received_by": "Chị Lan"}
    delivered = await rma.post(f"/v1/rmas/{rma_id}/deliver", body, role="engineer", key="delivered")
    assert delivered.status_code == 200, delivered.text

    await rma.deliver(erased(CONTACT, ACCOUNT))

    async with rma.transaction() as tx:
        assert (await Rma.get(rma_id, tx)).received_by is None
    found = await seen(rma, rma_id)
    assert (found["address"]["contact_name"], found["state"]) == (None, "delivered")
    theirs = (await rma.get(f"/v1/rmas/{rma_id}", role="customer", accounts=[ACCOUNT])).json()
    assert theirs["address"]["contact_state"] == found["address"]["contact_state"] == "erased"
    again = await rma.post(f"/v1/rmas/{rma_id}/deliver", body, role="engineer", key="delivered")
    assert (again.status_code, again.json()["id"]) == (410, str(CONTACT))


async def test_a_part_that_has_not_left_is_open_with_its_contact(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await reserved(rma, Case())
    number = (await seen(rma, rma_id))["number"]

    assert await open_with(rma, CONTACT) == [("RMA", number, "reserved")]
    assert await open_with(rma, rma_id) == []
    body = {"serial": "NEW-1", "carrier": "depot van", "tracking": "VAN-1"}
    await made(rma, f"/v1/rmas/{rma_id}/ship", body, role="depot")
    assert await open_with(rma, CONTACT) == []


async def test_who_takes_the_parcel_of_a_forgotten_contact_is_not_written_down(rma: Harness) -> None:
    await a_network(rma)
    rma_id = await shipped(rma, Case())
    await rma.deliver(erased(CONTACT, ACCOUNT))

    await made(rma, f"/v1/rmas/{rma_id}/deliver", {"received_by": "Chị Lan"}, role="engineer")

    assert (await seen(rma, rma_id))["received_by"] is None

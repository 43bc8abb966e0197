"""A label waits for the address that a decision names, and is made of nothing else; the part, its depot and its date do not wait."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import strategies as st

from libs.bus.envelope import Delivery
from libs.events.entitlements import ContactState
from services.rma.tests.builders import BRANCH, CONTACT, HEAD_OFFICE, LAN, SITE, Case, refused, reserved, seen
from services.rma.tests.conftest import CarrierCompany
from services.rma.tests.network import a_network
from tests.support.harness import Harness
from tests.support.order import AnyOrder, in_any_order

MOVED = SITE.model_copy(update={"revision": 2})


async def labels(rma: Harness, carrier: CarrierCompany) -> list[tuple[str, str, list[str], str | None]]:
    """Direction, name, lines and telephone number of the customer's side, of each label that the carrier sold."""
    await rma.fire_timers()
    await rma.run_jobs()
    sides = [
        (each.direction, each.recipient if each.direction == "outbound" else each.sender) for each in carrier.sold()
    ]
    return sorted((direction, there.name, there.lines, there.phone) for direction, there in sides)


async def unknown(rma: Harness) -> None:
    async with rma.transaction() as tx:
        await tx.connection.execute("DELETE FROM contacts")
        await tx.connection.execute("DELETE FROM sites")


@pytest.mark.promise("S3")
async def test_a_label_is_ordered_when_site_and_contact_have_come(rma: Harness, carrier: CarrierCompany) -> None:
    await a_network(rma)
    await unknown(rma)
    rma_id = await reserved(rma, Case())
    assert (await seen(rma, rma_id))["waiting_for"] == "address"
    assert (await seen(rma, rma_id))["address"] is None
    answer = await rma.post(f"/v1/rmas/{rma_id}/ship", {"serial": "NEW-1"}, role="depot")
    assert refused(answer) == (409, "no-label-yet")

    await rma.learn({SITE.site_id: HEAD_OFFICE})
    assert await labels(rma, carrier) == []
    await rma.learn({CONTACT: LAN})
    there = ("Lan, Head office", ["1 Lê Lợi"], "+84 28 0000 0000")
    assert await labels(rma, carrier) == [("outbound", *there), ("return", *there)]
    found = await seen(rma, rma_id)
    assert (found["waiting_for"], found["address"]["contact_name"]) == (None, "Lan")


async def test_a_newer_address_than_is_known_is_waited_for(rma: Harness, carrier: CarrierCompany) -> None:
    await a_network(rma)
    case = Case()
    rma_id = await reserved(rma, case)
    await rma.deliver(case.covered(revision=2, site=MOVED))
    assert (await seen(rma, rma_id))["waiting_for"] == "address"
    await rma.learn({SITE.site_id: BRANCH}, version=2)
    found = {name: lines for _, name, lines, _ in await labels(rma, carrier)}
    assert found == {"Lan, Branch": ["2 Nguyễn Huệ"]}


async def test_who_is_forgotten_stands_on_no_label(rma: Harness, carrier: CarrierCompany) -> None:
    await a_network(rma)
    await unknown(rma)
    rma_id = await reserved(rma, Case())
    await rma.learn({SITE.site_id: HEAD_OFFICE, CONTACT: ContactState})
    there = ("Head office", ["1 Lê Lợi"], None)
    assert await labels(rma, carrier) == [("outbound", *there), ("return", *there)]
    assert (await seen(rma, rma_id))["address"]["contact_name"] is None


async def test_no_row_but_the_replicas_holds_who_a_label_is_for(rma: Harness, carrier: CarrierCompany) -> None:
    await a_network(rma)
    await reserved(rma, Case())
    async with rma.transaction() as tx:
        told = [str(dict(row)) for row in await tx.connection.fetch("SELECT * FROM jobs")]
    assert len(told) == 2
    assert not [each for each in told if "Lan" in each or "Lợi" in each]
    assert len(await labels(rma, carrier)) == 2


CASE = Case("addresses", at=datetime.now(UTC))


async def story(rma: Harness) -> list[Delivery]:
    await rma.empty()
    await a_network(rma)
    facts = (CASE.opened(), CASE.diagnosed(), CASE.covered(), CASE.covered(revision=2, site=MOVED))
    states = (
        rma.record(SITE.site_id, HEAD_OFFICE),
        rma.record(CONTACT, LAN),
        rma.record(SITE.site_id, BRANCH, version=2),
        rma.record(CONTACT, ContactState, version=2),
    )
    return [*map(rma.delivery, facts), *states]


async def outcome(rma: Harness) -> dict[str, Any]:
    await rma.fire_timers()
    found = await seen(rma, CASE.rma_id)
    standing = sorted((each["direction"], each["state"]) for each in found["shipments"] if each["state"] != "void")
    async with rma.transaction() as tx:
        jobs = await tx.connection.fetch("SELECT reference FROM jobs")
    ordered = {each["reference"] for each in found["shipments"] if each["state"] == "ordered"}
    kept = {name: found[name] for name in ("state", "depot_id", "contract_due", "promise", "waiting_for", "address")}
    return {**kept, "labels": standing, "all are asked for": ordered <= {row["reference"] for row in jobs}}


STORY = AnyOrder(story, outcome)


@in_any_order()
async def test_addresses_come_late_or_twice_or_after_they_are_gone_and_change_no_decision(
    rma: Harness, data: st.DataObject
) -> None:
    expected = await STORY.as_it_happened(rma)
    assert expected["labels"] == [("outbound", "ordered"), ("return", "ordered")]
    assert await STORY.outcome_of(rma, data) == expected

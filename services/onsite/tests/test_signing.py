"""Who signs a visit off, what a signature is worth, and the serial of what came out."""

from typing import Any

import pytest

from libs.events.entitlements import ContactState
from libs.events.onsite import VisitCompleted
from libs.events.values import Contact
from services.onsite.tests.builders import (
    ACCOUNT,
    CONTACT,
    NGOC,
    PATH,
    a_decision,
    a_shipment,
    an_id,
    at_the_site,
    do,
    work_done,
)
from services.onsite.tests.test_booking import OURS
from tests.support.harness import Harness

HOA, STRANGER = an_id("Hoa"), an_id("a contact of another account")
INSTEAD = {"signer_role": "receptionist", "reason": "the contact had to leave"}


async def done(h: Harness) -> None:
    await at_the_site(h)
    await work_done(h)
    hoa = NGOC.model_copy(update={"name": "Hoa", "authorised": False})
    await h.learn(
        {HOA: hoa, STRANGER: ContactState(account_id=an_id("another"), name="X", authorised=True, language="en")}
    )
    await do(h, "sign-off", {"side": "support"}, role="engineer")


@pytest.mark.promise("S27")
@pytest.mark.parametrize("who", [OURS, {"role": "technician"}], ids=["customer", "technician"])
@pytest.mark.parametrize("body", [{}, {"contact_id": str(CONTACT)}], ids=["unsaid", "by id"])
async def test_the_named_contact_signs(onsite: Harness, who: Any, body: Any) -> None:
    await done(onsite)

    await do(onsite, "sign-off", {"side": "customer", **body}, **who)

    [completed] = await onsite.events(VisitCompleted)
    assert (completed.signed_off_by, completed.signed_as, completed.signed_instead) == (CONTACT, None, None)


@pytest.mark.promise("S27")
@pytest.mark.parametrize("contact", [HOA, None], ids=["another contact", "nobody we know"])
async def test_somebody_else_signs_as_what_they_are_and_says_why(onsite: Harness, contact: Any) -> None:
    await done(onsite)
    body = {"side": "customer", **({"contact_id": str(contact)} if contact else {})}

    half = await do(onsite, "sign-off", {**body, "signer_role": "receptionist"}, status=422)
    signed = await do(onsite, "sign-off", {**body, **INSTEAD})

    assert (half["type"].rpartition(":")[2], half["field"]) == ("signer-unknown", "reason")
    [completed] = await onsite.events(VisitCompleted)
    assert completed.signed_off_by == contact
    assert (completed.signed_as, completed.signed_instead) == ("receptionist", "the contact had to leave")
    word = signed["appointment"]["sign_offs"]["customer"]
    assert (word["signer_role"], word["name"]) == ("receptionist", "Hoa" if contact else None)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"contact_id": str(HOA)}, "signer-unknown"),
        ({"contact_id": str(STRANGER), **INSTEAD}, "not-of-this-account"),
        ({"name": "Somebody at reception"}, "invalid-request"),
        ({"side": "support", **INSTEAD}, "invalid-request"),
    ],
)
async def test_whose_word_it_is_must_be_known(onsite: Harness, body: Any, problem: str) -> None:
    await done(onsite)

    role = "engineer" if body.get("side") == "support" else "technician"
    refused = await do(onsite, "sign-off", {"side": "customer", **body}, role=role, status=422)

    assert refused["type"].rpartition(":")[2] == problem
    assert await onsite.events(VisitCompleted) == []


async def test_somebody_else_may_sign_where_the_named_contact_may_not(onsite: Harness) -> None:
    await done(onsite)
    await onsite.deliver(a_decision(revision=2, contact=Contact(contact_id=CONTACT)))

    refused = await do(onsite, "sign-off", {"side": "customer"}, status=422)
    await do(onsite, "sign-off", {"side": "customer", **INSTEAD})

    assert refused["type"].endswith("contact-not-authorised")
    assert len(await onsite.events(VisitCompleted)) == 1


@pytest.mark.promise("S27")
async def test_a_signature_does_not_survive_a_test_that_fails_later(onsite: Harness) -> None:
    await done(onsite)

    failed = await do(onsite, "steps", {"work": "test", "name": "Zoom", "passed": False})
    await do(onsite, "steps", {"work": "test", "name": "Zoom", "passed": True})
    half = await do(onsite, "sign-off", {"side": "customer"}, **OURS)

    assert failed["appointment"]["sign_offs"] == {}
    assert "support" in failed["appointment"]["history"][-1]["reason"]
    assert half["state"] == "in_progress"
    await do(onsite, "sign-off", {"side": "support"}, role="engineer")
    assert len(await onsite.events(VisitCompleted)) == 1


async def test_a_signature_survives_what_is_only_looked_at(onsite: Harness) -> None:
    await done(onsite)

    await do(onsite, "steps", {"work": "troubleshooting", "name": "Cables", "passed": False})

    assert (await do(onsite, "sign-off", {"side": "customer"}, **OURS))["state"] == "completed"


async def test_a_signature_does_not_survive_a_part_that_goes_in_later(onsite: Harness) -> None:
    await done(onsite)
    second = an_id("second rma")
    await onsite.deliver(a_shipment(rma_id=second, serial="MIC-NEW"))

    await do(onsite, "install", {"rma_id": str(second), "serial_in": "MIC-NEW", "serial_out": "MIC-OLD"})

    assert (await onsite.get(PATH, accounts=[ACCOUNT])).json()["appointment"]["sign_offs"] == {}


@pytest.mark.promise("S27")
async def test_the_serial_of_what_came_out_is_scanned_or_it_is_said_why_not(onsite: Harness) -> None:
    await at_the_site(onsite)

    missing = await do(onsite, "install", {"serial_in": "CAM-NEW"}, status=422)
    same = await do(onsite, "install", {"serial_in": "CAM-NEW", "serial_out": "CAM-NEW"}, status=422)
    both = {"serial_in": "CAM-NEW", "serial_out": "CAM-OLD", "unreadable": "burnt"}
    await do(onsite, "install", both, status=422)
    installed = await do(onsite, "install", {"serial_in": "CAM-NEW", "unreadable": "the label is burnt"})

    assert (missing["type"].rpartition(":")[2], missing["field"]) == ("old-serial-missing", "serial_out")
    assert same["type"].endswith("serial-mismatch")
    [part] = installed["appointment"]["installed"]
    assert (part["serial_out"], part["unreadable"], part["reason"]) == (None, True, "the label is burnt")


async def test_it_is_told_that_a_serial_could_not_be_read_but_not_why(onsite: Harness) -> None:
    await at_the_site(onsite)
    await do(onsite, "install", {"serial_in": "CAM-NEW", "unreadable": "the label is burnt"})
    await do(onsite, "steps", {"work": "test", "name": "Picture", "passed": True})
    await do(onsite, "sign-off", {"side": "support"}, role="engineer")
    await do(onsite, "sign-off", {"side": "customer"})

    [completed] = await onsite.events(VisitCompleted)
    assert (completed.serials_out, completed.installed[0].unreadable) == ([], True)
    assert "burnt" not in b"".join([row["data"] for row in await onsite.outbox()]).decode()


async def test_a_part_without_a_serial_needs_none(onsite: Harness) -> None:
    await at_the_site(onsite)
    cable = an_id("cable")
    await onsite.deliver(a_shipment(rma_id=cable, serial=None))

    await do(onsite, "install", {"rma_id": str(cable)})

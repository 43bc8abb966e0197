"""A contact is forgotten: in the replica, whatever comes first, and where they signed; not while a visit to them is to come."""

from datetime import timedelta

from libs.store.ids import new_id
from services.onsite.model.people import KnownContact, KnownPerson
from services.onsite.model.technician import Technician
from services.onsite.tests.builders import (
    ACCOUNT,
    CONTACT,
    PATH,
    a_decision,
    a_diagnosis,
    a_place,
    a_planned_visit,
    a_reservation,
    a_technician,
    at_the_site,
    do,
    work_done,
)
from tests.support.forgetting import (
    erased,
    forgets_in_any_order,
    forgets_people_in_any_order,
    open_with,
    person_erased,
)
from tests.support.harness import Harness
from tests.support.people import LAN


async def test_a_contact_is_forgotten_whatever_comes_first(onsite: Harness) -> None:
    await forgets_in_any_order(onsite, KnownContact)


async def test_a_visit_to_come_is_open_with_its_contact(onsite: Harness) -> None:
    await a_planned_visit(onsite)
    number = (await onsite.get(PATH)).json()["number"]

    assert await open_with(onsite, CONTACT) == [("work order", number, "planned")]
    assert await open_with(onsite, ACCOUNT) == []


async def test_who_signed_is_forgotten_once_the_visit_is_over(onsite: Harness) -> None:
    await at_the_site(onsite)
    assert [state for _, _, state in await open_with(onsite, CONTACT)] == ["in_progress"]
    await work_done(onsite)
    await do(onsite, "sign-off", {"side": "customer"})
    await do(onsite, "sign-off", {"side": "support"}, role="engineer")
    async with onsite.transaction() as tx:  # as the release before wrote it down
        named = """UPDATE appointments SET sign_offs = jsonb_set(sign_offs, '{customer,name}', '"Chị Ngọc"')"""
        await tx.connection.execute(named)
    assert await open_with(onsite, CONTACT) == []

    await onsite.deliver(erased(CONTACT, ACCOUNT))

    signed = (await onsite.get(PATH)).json()["appointment"]["sign_offs"]
    assert (signed["customer"]["name"], signed["customer"]["contact_id"]) == (None, str(CONTACT))
    shown = (await onsite.get(PATH, role="customer", accounts=[ACCOUNT])).json()["contact"]
    assert (shown["name"], shown["state"]) == (None, "erased")
    assert signed["support"]["contact_id"] is None


async def test_a_person_of_ours_is_forgotten_whatever_comes_first(onsite: Harness) -> None:
    await forgets_people_in_any_order(onsite, KnownPerson)


async def test_who_signed_for_support_is_forgotten(onsite: Harness) -> None:
    lan = new_id()
    onsite.bound = {"engineer": {"person_id": lan}}
    await at_the_site(onsite)
    await work_done(onsite)
    await do(onsite, "sign-off", {"side": "support", "name": "Lan"}, role="engineer")
    await do(onsite, "sign-off", {"side": "customer"})

    await onsite.deliver(person_erased(new_id()))
    assert (await onsite.get(PATH)).json()["appointment"]["sign_offs"]["support"]["name"] == "Lan"
    await onsite.deliver(person_erased(lan))

    signed = (await onsite.get(PATH)).json()["appointment"]["sign_offs"]
    assert (signed["support"]["name"], signed["support"]["by"]) == (None, f"engineer:{lan}")
    assert signed["customer"]["name"] == "Ngọc"


async def test_a_forgotten_contacts_name_is_not_written_down_anew(onsite: Harness) -> None:
    await at_the_site(onsite)
    await work_done(onsite)
    await onsite.deliver(erased(CONTACT, ACCOUNT))

    await do(onsite, "sign-off", {"side": "customer"})

    signed = (await onsite.get(PATH)).json()["appointment"]["sign_offs"]["customer"]
    assert (signed["name"], signed["contact_id"]) == (None, str(CONTACT))


async def test_a_technician_is_asked_for_by_the_person_that_it_is_and_retired_once_erased(onsite: Harness) -> None:
    chau = new_id()
    await onsite.learn({chau: LAN.model_copy(update={"roles": ["technician"]})})
    technician = await a_technician(onsite, person_id=str(chau))
    await a_place(onsite)
    await onsite.deliver(a_diagnosis(), a_decision(), a_reservation())
    order = (await onsite.get(PATH)).json()
    assert await open_with(onsite, chau, "person") == [("work order", order["number"], "planned")]

    await onsite.deliver(person_erased(chau))
    await onsite.advance(timedelta(seconds=1))

    async with onsite.transaction() as tx:
        row = await Technician.get(technician, tx)
    assert (row.name, row.email, row.phone, row.home, row.active) == ("", None, None, None, False)
    assert await open_with(onsite, chau, "person") == []

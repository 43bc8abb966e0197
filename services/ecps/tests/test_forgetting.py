"""A contact is forgotten, whatever comes first; not while a call with them is to come."""

from libs.store.ids import new_id
from services.ecps.model.people import KnownContact, KnownPerson
from services.ecps.tests.builders import AN, CONTACT, ACase, a_partner
from services.ecps.tests.test_joint_calls import a_call, schedule
from tests.support.forgetting import forgets_in_any_order, forgets_people_in_any_order, open_with
from tests.support.harness import Harness
from tests.support.people import LAN


async def test_a_contact_is_forgotten_whatever_comes_first(ecps: Harness) -> None:
    await forgets_in_any_order(ecps, KnownContact)


async def test_a_call_to_come_is_open_with_who_joins(ecps: Harness) -> None:
    await a_partner(ecps)
    await ecps.learn({CONTACT: AN})
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    path = await a_call(ecps, case)
    call = (await schedule(ecps, path, 24)).json()

    assert await open_with(ecps, CONTACT) == [("joint call", call["number"], "scheduled")]
    await schedule(ecps, path, 25, participants=[{"side": "customer", "name": "Anh Bình"}])
    assert await open_with(ecps, CONTACT) == []


async def test_a_person_of_ours_is_forgotten_whatever_comes_first(ecps: Harness) -> None:
    await forgets_people_in_any_order(ecps, KnownPerson)


async def test_a_call_to_come_is_open_with_who_joins_for_us(ecps: Harness) -> None:
    lan = new_id()
    await a_partner(ecps)
    await ecps.learn({CONTACT: AN, lan: LAN})
    case = ACase()
    await ecps.deliver(case.opened(), case.covered())
    path = await a_call(ecps, case)
    call = (await schedule(ecps, path, 24, participants=[{"side": "support", "person_id": str(lan)}])).json()

    assert await open_with(ecps, lan, "person") == [("joint call", call["number"], "scheduled")]
    await schedule(ecps, path, 25, participants=[{"side": "customer", "name": "Anh Bình"}])
    assert await open_with(ecps, lan, "person") == []

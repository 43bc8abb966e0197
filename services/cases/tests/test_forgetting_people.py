"""One of our own people is forgotten: in the replica, whatever comes first, and where they opened a case or wrote."""

from libs.store.ids import new_id
from services.cases.model.people import KnownPerson
from services.cases.tests.builders import ACCOUNT, LAN_ID, a_request
from tests.support.forgetting import forgets_people_in_any_order, open_with, person_erased
from tests.support.harness import Harness


async def opened(cases: Harness) -> str:
    answer = await cases.post("/v1/cases", a_request(account_id=str(ACCOUNT)), role="engineer", key="open")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_a_person_is_forgotten_whatever_comes_first(cases: Harness) -> None:
    await forgets_people_in_any_order(cases, KnownPerson)


async def test_who_opened_a_case_or_wrote_is_forgotten_and_nobody_else(cases: Harness) -> None:
    id = await opened(cases)
    notes = f"/v1/cases/{id}/notes"
    for text, who in (("Lan's", LAN_ID), ("another's", new_id())):
        note = {"text": text, "visibility": "internal"}
        assert (await cases.post(notes, note, role="manager", person_id=who)).status_code == 201

    await cases.deliver(person_erased(LAN_ID))

    shown = {each["text"]: each["author_name"] for each in (await cases.get(notes)).json()["items"]}
    assert (shown["Lan's"], shown["another's"]) == (None, "the manager")
    assert (await cases.get(f"/v1/cases/{id}")).json()["reporter_name"] is None
    again = await cases.post("/v1/cases", a_request(account_id=str(ACCOUNT)), role="engineer", key="open")
    assert again.status_code == 410


async def test_a_case_is_open_with_who_has_it_until_another_one_does(cases: Harness) -> None:
    id = await opened(cases)
    assert await open_with(cases, LAN_ID, "person") == []
    case = (await cases.post(f"/v1/cases/{id}/assign", role="engineer")).json()

    assert await open_with(cases, LAN_ID, "person") == [("case", case["number"], case["state"])]
    assert (await cases.post(f"/v1/cases/{id}/cancel", {"reason": "A mistake"}, role="manager")).status_code == 200
    assert await open_with(cases, LAN_ID, "person") == []

"""One of our own people is forgotten, whatever comes first; not while a turn is to come, an escalation is theirs, or nobody else is called."""

from datetime import timedelta
from typing import Any

from libs.events.escalation import EscalationStepped
from services.escalation.model.known_person import KnownPerson
from services.escalation.tests.builders import a_case, a_rota, id_of
from services.escalation.tests.test_escalations import act, an_escalation
from tests.support.forgetting import forgets_people_in_any_order, open_with, person_erased
from tests.support.harness import Harness


async def test_a_person_is_forgotten_whatever_comes_first(escalation: Harness) -> None:
    await forgets_people_in_any_order(escalation, KnownPerson)


async def test_a_turn_to_come_is_open_and_one_that_is_over_is_not(escalation: Harness) -> None:
    rota = (await escalation.post("/v1/rotas", a_rota("Hotline", people=("Chi",)), role="manager")).json()
    now = await escalation.now()
    stands_in = {"person_id": str(id_of("Dung")), "reason": "Chi is away"}
    times = {"starts": now.isoformat(), "ends": (now + timedelta(hours=1)).isoformat()}
    answer = await escalation.post(f"/v1/rotas/{rota['id']}/overrides", {**stands_in, **times}, role="engineer")
    assert answer.status_code == 201, answer.text

    for who in ("Chi", "Dung"):
        assert await open_with(escalation, id_of(who), "person") == [("rota", "Hotline", None)]
    assert await open_with(escalation, id_of("An"), "person") == []
    await escalation.advance(timedelta(hours=2))
    assert await open_with(escalation, id_of("Dung"), "person") == []


async def test_an_escalation_is_open_with_who_holds_it_until_it_is_resolved(escalation: Harness) -> None:
    raised = await an_escalation(escalation, await a_case(escalation))
    bound = {"role": "engineer", "person_id": id_of("Binh")}
    assert (await act(escalation, raised, "acknowledge", **bound)).status_code == 200

    assert await open_with(escalation, id_of("Binh"), "person") == [("escalation", raised["number"], "acknowledged")]
    assert (await act(escalation, raised, "resolve", {"resolution": "It works"}, **bound)).status_code == 200
    assert await open_with(escalation, id_of("Binh"), "person") == []


async def kept(escalation: Harness, path: str, **body: Any) -> dict[str, Any]:
    made = await escalation.post(path, body, role="manager")
    assert made.status_code == 201, made.text
    answer: dict[str, Any] = made.json()
    return answer


def a_call(who: str) -> dict[str, str]:
    return {"kind": "person", "id": str(id_of(who))}


async def called_last(escalation: Harness) -> list[Any]:
    """Whom the last step calls, service management's own address left out."""
    return [each.id for each in (await escalation.events(EscalationStepped))[-1].recipients if each.id]


async def test_who_is_erased_is_called_no_more_and_shown_as_erased(escalation: Harness) -> None:
    team = await kept(escalation, "/v1/teams", name="T", members=[str(id_of(each)) for each in ("An", "Binh")])
    managers = await kept(escalation, "/v1/teams", name="M", purpose="service_management", members=[str(id_of("Em"))])
    calls = [a_call("Dung"), a_call("Chi"), {"kind": "team", "id": team["id"]}]
    policy = await kept(escalation, "/v1/policies", name="P", steps=[{"calls": calls}])
    raised = await an_escalation(escalation, await a_case(escalation))
    assert await called_last(escalation) == [id_of(each) for each in ("Dung", "Chi", "An", "Binh", "Em")]

    await escalation.deliver(*(person_erased(id_of(each)) for each in ("An", "Dung", "Em")))
    await escalation.advance(timedelta(minutes=16))
    assert await called_last(escalation) == [id_of(each) for each in ("Chi", "Binh")]
    assert (await escalation.events(EscalationStepped))[-1].recipients[-1].kind == "service_management"
    shown = (await escalation.get(f"/v1/policies/{policy['id']}")).json()["steps"][0]["calls"]
    frozen = (await escalation.get(f"/v1/escalations/{raised['id']}")).json()["policy"]["steps"][0]["calls"]
    assert shown == frozen
    assert [each["person"] and each["person"]["state"] for each in shown] == ["erased", None, None]
    assert [each["person"] and each["person"]["name"] for each in shown] == [None, "Chi", None]
    for of, states in ((team, ["erased", None]), (managers, ["erased"])):
        assert [each["state"] for each in (await escalation.get(f"/v1/teams/{of['id']}")).json()["members"]] == states


async def test_the_last_one_of_a_team_or_a_step_is_open(escalation: Harness) -> None:
    await kept(escalation, "/v1/teams", name="T", members=[str(id_of(each)) for each in ("An", "Binh")])
    await kept(escalation, "/v1/teams", name="Empty", members=[])
    two = [{"calls": [a_call("An"), a_call("Binh")]}, {"calls": [a_call("Chi"), {"kind": "duty_manager"}]}]
    await kept(escalation, "/v1/policies", name="P", steps=two)
    for who in ("An", "Binh", "Chi"):
        assert await open_with(escalation, id_of(who), "person") == []
    await escalation.deliver(person_erased(id_of("An")))
    assert await open_with(escalation, id_of("Binh"), "person") == [("team", "T", None), ("policy", "P", None)]
    assert await open_with(escalation, id_of("Chi"), "person") == []

"""One of our own people is forgotten, whatever comes first; not while a turn is to come or an escalation is theirs."""

from datetime import timedelta

from services.escalation.model.known_person import KnownPerson
from services.escalation.tests.builders import a_case, a_rota, id_of
from services.escalation.tests.test_escalations import act, an_escalation
from tests.support.forgetting import forgets_people_in_any_order, open_with
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

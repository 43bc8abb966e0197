"""Who works here, as escalation keeps it."""

from datetime import timedelta
from uuid import UUID, uuid4

from libs.events.escalation import EscalationHandedOver, EscalationUnacknowledged
from services.escalation.model.known_person import KnownPerson
from services.escalation.tests.builders import a_case, a_person, a_rota, id_of
from services.escalation.tests.test_escalations import act, an_escalation
from tests.support.forgetting import person_erased
from tests.support.harness import Harness
from tests.support.people import LAN
from tests.support.refusals import refusal


async def test_of_our_own_people_names_and_addresses_are_kept_and_nothing_of_who_is_forgotten(
    escalation: Harness,
) -> None:
    here, gone = uuid4(), uuid4()
    await escalation.learn({here: LAN, gone: LAN})
    await escalation.learn({gone: type(LAN)}, version=2)
    async with escalation.transaction() as tx:
        kept = [await KnownPerson.get(each, tx) for each in (here, gone)]
    assert [(each.name, each.email, each.phone, each.language, each.roles, each.active) for each in kept] == [
        (LAN.name, LAN.email, LAN.phone, LAN.language, LAN.roles, True),
        (None, None, None, None, None, None),
    ]
    assert [each.gone for each in kept] == [False, True]


async def leaves(escalation: Harness, who: str, to: str, *, version: int) -> None:
    left = a_person(who).model_copy(update={"active": False, "successor_id": id_of(to)})
    await escalation.learn({id_of(who): left}, version=version)
    await escalation.fire_timers()


async def test_who_leaves_gives_turns_and_places_to_the_successor(escalation: Harness) -> None:
    rota = (await escalation.post("/v1/rotas", a_rota(people=("An", "Binh")), role="manager")).json()
    now = await escalation.now()
    stands_in = {"person_id": str(id_of("An")), "reason": "leave"}
    for days in (-2, 1):
        span = {
            "starts": (now + timedelta(days=days)).isoformat(),
            "ends": (now + timedelta(days=days + 1)).isoformat(),
        }
        await escalation.post(f"/v1/rotas/{rota['id']}/overrides", stands_in | span, role="engineer")
    members = [str(id_of(each)) for each in ("Chi", "An")]
    team = (await escalation.post("/v1/teams", {"name": "T", "members": members}, role="manager")).json()
    other = (await escalation.post("/v1/teams", {"name": "U", "members": members[:1]}, role="manager")).json()

    calls: list[dict[str, str]] = [{"kind": "person", "id": str(id_of("An"))}, {"kind": "duty_manager"}]
    policy = {"name": "P", "steps": [{"calls": calls}]}
    await escalation.post("/v1/policies", policy, role="manager")

    await leaves(escalation, "An", "Chi", version=2)

    [kept] = (await escalation.get("/v1/policies")).json()["items"]
    assert [each["id"] for each in kept["steps"][0]["calls"]] == [str(id_of("Chi")), None]
    shown = (await escalation.get(f"/v1/rotas/{rota['id']}")).json()
    assert [each["name"] for each in shown["layers"][0]["people"]] == ["Chi", "Binh"]
    assert [each["person"]["name"] for each in shown["overrides"]] == ["Chi"]
    all_of_them = (await escalation.get(f"/v1/rotas/{rota['id']}/overrides?sort=starts")).json()["items"]
    assert [each["person"]["name"] for each in all_of_them] == ["An", "Chi"]
    assert [each["name"] for each in (await escalation.get(f"/v1/teams/{team['id']}")).json()["members"]] == ["Chi"]
    assert (await escalation.get(f"/v1/teams/{other['id']}")).headers["etag"] == '"0"'


async def test_who_leaves_gives_the_escalations_that_they_hold_to_the_successor(escalation: Harness) -> None:
    raised = await an_escalation(escalation, await a_case(escalation))
    await act(escalation, raised, "acknowledge", person_id=id_of("An"))
    open_one = await an_escalation(escalation, await a_case(escalation))
    await leaves(escalation, "An", "Binh", version=2)
    await leaves(escalation, "Binh", "Chi", version=2)

    handed = await escalation.events(EscalationHandedOver)
    assert [(each.previous_person_id, each.person_id, each.by) for each in handed] == [
        (id_of("An"), id_of("Binh"), "system:escalation"),
        (id_of("Binh"), id_of("Chi"), "system:escalation"),
    ]
    assert {each.escalation_id for each in handed} == {UUID(raised["id"])}
    shown = (await escalation.get(f"/v1/escalations/{raised['id']}")).json()
    assert (shown["state"], shown["owner"]["name"]) == ("handed_over", "Chi")
    assert (await escalation.get(f"/v1/escalations/{open_one['id']}")).json()["state"] == "triggered"
    await escalation.advance(timedelta(minutes=31))
    assert (await escalation.get(f"/v1/escalations/{raised['id']}")).json()["state"] == "triggered"


async def test_who_has_left_or_is_forgotten_takes_no_escalation_up(escalation: Harness) -> None:
    """Their token outlives it for a while."""
    raised = await an_escalation(escalation, await a_case(escalation))
    await leaves(escalation, "An", "Chi", version=2)
    await escalation.deliver(person_erased(id_of("Binh")))

    for who in ("An", "Binh"):
        refused = await act(escalation, raised, "acknowledge", person_id=id_of(who))
        assert refusal(refused) == (422, "no-such-person")
    taken = await act(escalation, raised, "acknowledge", person_id=id_of("Chi"))
    assert taken.json()["state"] == "acknowledged"


async def test_a_system_takes_it_up_and_hands_it_over_and_no_person_is_said_to_have(escalation: Harness) -> None:
    raised = await an_escalation(escalation, await a_case(escalation))
    taken = await act(escalation, raised, "acknowledge")
    assert (taken.status_code, taken.json()["state"]) == (200, "acknowledged")
    [word] = taken.json()["acknowledgements"]
    assert (word["by"].partition(":")[0], word["person_id"], word["person"]) == ("engineer", None, None)
    assert (await act(escalation, raised, "acknowledge")).status_code == 409
    handed = await act(escalation, raised, "hand-over", {"person_id": str(id_of("Em")), "note": "Yours"})
    assert (handed.status_code, handed.json()["owner"]["name"]) == (200, "Em")
    [told] = await escalation.events(EscalationHandedOver)
    assert (told.person_id, told.previous_person_id, told.by) == (id_of("Em"), None, word["by"])

    second = await an_escalation(escalation, await a_case(escalation))
    await act(escalation, second, "acknowledge")
    await escalation.advance(timedelta(minutes=31))
    assert {e.person_id for e in await escalation.events(EscalationUnacknowledged)} == {None, id_of("Em")}

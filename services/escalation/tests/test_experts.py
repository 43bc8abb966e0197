"""Experts are people of ours: whoever they are now, whoever leaves, whoever is forgotten; and who was typed before."""

import json
from typing import Any

import asyncpg

from deploy.local.databases import create_service_database
from deploy.local.migrate import migrate
from libs.events.escalation import ExpertEngaged
from libs.kit.calendar import CalendarData
from libs.store.ids import new_id
from services.escalation.model.expert import Expert, Skills
from services.escalation.tests.builders import a_case, a_person, an_expert, id_of
from services.escalation.tests.test_escalations import act, an_escalation
from services.escalation.tests.test_our_people import leaves
from tests.contract.test_labels_in_rows import a_row
from tests.support.forgetting import open_with, person_erased
from tests.support.harness import Harness
from tests.support.refusals import refusal

NEEDED = {"reason": "Fails only inside Teams"}


async def engaged(escalation: Harness, name: str, **more: Any) -> dict[str, Any]:
    """An escalation to which this expert is invited."""
    raised = await an_escalation(escalation, await a_case(escalation))
    answer = await act(
        escalation, raised, "engage-expert", {"expert_id": await an_expert(escalation, name, **more), **NEEDED}
    )
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def rows(escalation: Harness) -> str:
    return json.dumps([(await escalation.state())[table] for table in ("experts", "escalations")], ensure_ascii=False)


async def test_an_expert_is_shown_under_the_name_of_now_and_no_row_has_it(escalation: Harness) -> None:
    raised = await engaged(escalation, "Dung")
    renamed = a_person("Dung").model_copy(update={"name": "Đào Dung", "language": "vi"})
    await escalation.learn({id_of("Dung"): renamed}, version=2)
    person = {"id": str(id_of("Dung")), "name": "Đào Dung", "state": None}
    [listed] = (await escalation.get("/v1/experts?q=dao")).json()["items"]
    assert {listed[each] for each in ("name", "email", "language")} == {"Đào Dung", renamed.email, "vi"}
    assert listed["person"] == person
    assert (await escalation.get("/v1/experts?q=em")).json()["items"] == []
    assert (await escalation.get(f"/v1/experts?person_id={id_of('Dung')}")).json()["items"] == [listed]
    [place] = (await escalation.get(f"/v1/escalations/{raised['id']}")).json()["experts"]
    assert (place["person"], place["name"]) == (person, "Đào Dung")
    assert [word for word in ("Dung", "dung") if word in await rows(escalation)] == []


async def test_one_person_is_one_expert(escalation: Harness) -> None:
    await an_expert(escalation, "Dung")
    again = await escalation.post("/v1/experts", {"person_id": str(id_of("Dung")), "skills": {}}, role="manager")
    assert again.status_code == 409


async def test_of_who_is_forgotten_nothing_is_shown_and_nobody_asks_them(escalation: Harness) -> None:
    away = {"starts": "2020-01-01T00:00:00Z", "ends": "2020-01-02T00:00:00Z", "reason": "Ill"}
    raised = await engaged(escalation, "Dung", absences=[away])
    assert await open_with(escalation, id_of("Dung"), "person") == [("escalation", raised["number"], "triggered")]
    assert (await act(escalation, raised, "resolve", {"resolution": "Solved"})).status_code == 200
    assert await open_with(escalation, id_of("Dung"), "person") == []

    await escalation.deliver(person_erased(id_of("Dung")))
    [shown] = (await escalation.get("/v1/experts")).json()["items"]
    assert shown["person"] == {"id": str(id_of("Dung")), "name": None, "state": "erased"}
    assert (shown["name"], shown["email"], shown["active"], shown["absences"]) == (None, None, False, [])
    [place] = (await escalation.get(f"/v1/escalations/{raised['id']}")).json()["experts"]
    assert place["person"]["state"] == "erased"
    second = await an_escalation(escalation, await a_case(escalation))
    refused = await act(escalation, second, "engage-expert", {"expert_id": shown["id"], **NEEDED})
    assert (refused.status_code, refused.json()["reason"]) == (409, "inactive")
    etag = (await escalation.get(f"/v1/experts/{shown['id']}")).headers["etag"]
    back = await escalation.patch(f"/v1/experts/{shown['id']}", {"active": True}, etag=etag, role="manager")
    assert refusal(back) == (422, "no-such-person")


async def test_who_leaves_gives_their_place_to_the_successor_and_not_what_they_know(escalation: Harness) -> None:
    raised = await engaged(escalation, "Dung")
    over = await an_escalation(escalation, await a_case(escalation))
    [dung] = (await escalation.get("/v1/experts")).json()["items"]
    await act(escalation, over, "engage-expert", {"expert_id": dung["id"], **NEEDED})
    await act(escalation, over, "resolve", {"resolution": "Solved"})
    await leaves(escalation, "Dung", "Chi", version=2)

    told = await escalation.events(ExpertEngaged)
    assert [(each.person_id, str(each.escalation_id)) for each in told] == [
        (id_of("Dung"), raised["id"]),
        (id_of("Dung"), over["id"]),
        (id_of("Chi"), raised["id"]),
    ]
    assert told[-1].by == "system:escalation"
    for of, name in ((raised, "Chi"), (over, "Dung")):
        assert [each["name"] for each in (await escalation.get(f"/v1/escalations/{of['id']}")).json()["experts"]] == [
            name
        ]
    assert (await escalation.get(f"/v1/experts/{dung['id']}")).json()["active"] is False
    assert await open_with(escalation, id_of("Dung"), "person") == []
    assert await open_with(escalation, id_of("Chi"), "person") == [("escalation", raised["number"], "triggered")]


async def test_who_was_typed_is_read_and_asked_once_somebody_says_who_it_is(escalation: Harness) -> None:
    async with escalation.transaction() as tx:
        typed = tx.add(
            Expert(
                id=new_id(),
                name="Đặng Em",
                email="em@old.example",
                skills=Skills(),
                hours=CalendarData.round_the_clock(),
            )
        )
    [shown] = (await escalation.get("/v1/experts?q=dang")).json()["items"]
    assert (shown["name"], shown["person"], shown["person_id"]) == ("Đặng Em", None, None)
    raised = await an_escalation(escalation, await a_case(escalation))
    ask = {"expert_id": str(typed.id), **NEEDED}
    assert (await act(escalation, raised, "engage-expert", ask)).json()["reason"] == "no_person"

    etag = (await escalation.get(f"/v1/experts/{typed.id}")).headers["etag"]
    said = await escalation.patch(f"/v1/experts/{typed.id}", {"person_id": str(id_of("Em"))}, etag=etag, role="manager")
    assert (said.status_code, said.json()["name"]) == (200, "Em")
    assert (await act(escalation, raised, "engage-expert", ask)).status_code == 200
    assert [word for word in ("Đặng", "dang", "em@old") if word in await rows(escalation)] == []


async def test_of_experts_of_before_those_with_an_address_of_ours_are_people(postgres_url: str) -> None:
    made = await create_service_database(postgres_url, "escalation", prefix="experts_")
    await migrate("escalation", made.owner_url, "0018")
    owner = await asyncpg.connect(made.owner_url)
    await owner.execute("SELECT set_config('polyplus.scope', 'worker', false)")
    ours, system = new_id(), new_id()
    await owner.execute(
        "INSERT INTO people (id, version, revision, gone, email, name)"
        " VALUES ($1, 1, 0, false, 'Binh@x.example', 'Bình'), ($2, 1, 0, true, NULL, NULL)",
        ours,
        new_id(),
    )
    known, twin, typed = new_id(), new_id(), new_id()
    for id, name, email in ((known, "Binh", "binh@x.example"), (twin, "B.", "binh@x.example"), (typed, "Chi", None)):
        await a_row(owner, "experts", {"id": str(id), "name": name, "email": email})
    places = [
        {
            "expert_id": str(id),
            "name": "N",
            "skills": [],
            "reason": "r",
            "by": "manager:1",
            "at": "2026-01-01T00:00:00Z",
        }
        for id in (known, typed)
    ]
    taken = [{"by": f"engineer:{id}", "at": "2026-01-01T00:00:00Z"} for id in (ours, system)]
    await a_row(
        owner,
        "escalations",
        {"experts": places, "acknowledgements": taken, "policy": {"steps": []}, "recipients": [], "history": []},
    )

    await migrate("escalation", made.owner_url)

    experts = {row["id"]: row for row in await owner.fetch("SELECT * FROM experts")}
    assert [(experts[id]["person_id"], experts[id]["name"], experts[id]["email"]) for id in (known, twin, typed)] == [
        (ours, "", None),
        (None, "B.", "binh@x.example"),
        (None, "Chi", None),
    ]
    kept = json.loads(await owner.fetchval("SELECT to_jsonb(e) FROM escalations e"))
    assert [(each.get("person_id"), "name" in each) for each in kept["experts"]] == [(str(ours), False), (None, False)]
    assert [each["person_id"] for each in kept["acknowledgements"]] == [str(ours), None]
    assert [row["words"] for row in await owner.fetch("SELECT words FROM people ORDER BY gone")] == [" binh", None]
    await owner.close()


async def test_a_person_who_is_not_known_yet_is_pending(escalation: Harness) -> None:
    await an_expert(escalation, "Dung")
    async with escalation.transaction() as tx:
        await tx.connection.execute("DELETE FROM people WHERE id = $1", id_of("Dung"))
    [shown] = (await escalation.get("/v1/experts")).json()["items"]
    assert shown["person"] == {"id": str(id_of("Dung")), "name": None, "state": "pending"}

"""Escalations as people live them: called, taken up, silent, handed over, helped by experts, over."""

from datetime import timedelta
from typing import Any

import pytest

from libs.events.cases import CancellationDeclined, CancellationRequested, CancellationWithdrawn
from libs.events.escalation import (
    ClockPaused,
    ClockStopped,
    EscalationAcknowledged,
    EscalationHandedOver,
    EscalationRaised,
    EscalationResolved,
    EscalationStepped,
    EscalationUnacknowledged,
    ExpertEngaged,
    ThresholdBreached,
)
from libs.store.ids import new_id
from services.escalation.tests.builders import (
    ACCOUNT,
    WHO,
    ACase,
    a_case,
    a_rota,
    an_expert,
    id_of,
    now_after,
    pointers,
)
from tests.support.harness import Harness

ESCALATE = "Nobody answers us"


async def an_escalation(escalation: Harness, case: ACase) -> dict[str, Any]:
    """Raised by a manager."""
    raised = await escalation.post("/v1/escalations", {"case_id": str(case.id), "reason": ESCALATE}, role="manager")
    assert raised.status_code == 201
    body: dict[str, Any] = raised.json()
    return body


async def act(escalation: Harness, of: dict[str, Any], what: str, body: Any = None, **how: Any) -> Any:
    return await escalation.post(f"/v1/escalations/{of['id']}/{what}", body, **how)


async def a_policy(escalation: Harness, *steps: dict[str, Any], **more: Any) -> None:
    made = await escalation.post("/v1/policies", {"name": "P", "steps": list(steps), **more}, role="manager")
    assert made.status_code == 201, made.text


def step(*people: str, wants: int = 1, minutes: int = 15) -> dict[str, Any]:
    calls = [{"kind": "person", "id": str(id_of(each))} for each in people]
    return {"calls": calls, "acknowledgements": wants, "minutes_to_next": minutes}


async def called(escalation: Harness) -> list[tuple[int, int, list[str]]]:
    """Each step with its people, service management left out."""
    names = {id_of(name): name for name in ("An", "Binh", "Chi", "Dung")}
    return [
        (e.step, e.repeat, [names[r.id] for r in e.recipients if r.id and r.kind != "service_management"])
        for e in await escalation.events(EscalationStepped)
    ]


@pytest.mark.promise("S23")
async def test_unacknowledged_steps_follow_each_other_and_repeat_until_the_policy_is_done(escalation: Harness) -> None:
    await a_policy(escalation, step("An"), step("Binh", minutes=30), repeat=1)
    case = await a_case(escalation)
    await an_escalation(escalation, case)
    for minutes, seen in ((14, 1), (2, 2), (28, 2), (2, 3), (15, 4), (55, 4)):
        await escalation.advance(timedelta(minutes=minutes))
        mine = [
            e for e in await escalation.events(EscalationStepped) if e.recipients[0].id in (id_of("An"), id_of("Binh"))
        ]
        assert len([e for e in mine if e.escalation_id == mine[0].escalation_id]) == seen


async def test_service_management_is_told_at_every_step(escalation: Harness) -> None:
    await a_policy(escalation, step("An"))
    await an_escalation(escalation, await a_case(escalation))
    [stepped] = await escalation.events(EscalationStepped)
    assert {r.kind for r in stepped.recipients} == {"on_call", "service_management"}


async def test_the_policy_is_frozen_when_the_escalation_is_raised(escalation: Harness) -> None:
    await a_policy(escalation, step("An"), step("Binh"))
    await an_escalation(escalation, await a_case(escalation))
    [policy] = (await escalation.get("/v1/policies")).json()["items"]
    read = await escalation.get(f"/v1/policies/{policy['id']}")
    changed = {"steps": [step("Chi")], "active": False}
    revised = await escalation.patch(f"/v1/policies/{policy['id']}", changed, etag=read.headers["etag"], role="manager")
    assert revised.status_code == 200

    await escalation.advance(timedelta(minutes=16))
    assert (await called(escalation))[:2] == [(1, 0, ["An"]), (2, 0, ["Binh"])]


async def test_the_policy_that_names_the_priority_weighs_more(escalation: Harness) -> None:
    await a_policy(escalation, step("Anybody"))
    await a_policy(escalation, step("Urgent"), priorities=["P1"])
    await a_policy(escalation, step("Calm"), priorities=["P4"])
    raised = await an_escalation(escalation, await a_case(escalation))
    assert raised["recipients"][0]["name"] == "Urgent"


@pytest.mark.promise("S23")
async def test_an_acknowledgement_silences_the_step_and_silence_undoes_it(escalation: Harness) -> None:
    await a_policy(escalation, step("An"), step("Binh"))
    case = await a_case(escalation)
    await escalation.deliver(case.responded(0))
    raised = await an_escalation(escalation, case)
    taken = await act(escalation, raised, "acknowledge", {"note": "On it"})
    assert (taken.status_code, taken.json()["state"], taken.json()["still_wanted"]) == (200, "acknowledged", 0)

    await escalation.advance(timedelta(minutes=20))
    assert len(await called(escalation)) == 1
    await escalation.deliver(case.noted(await now_after(escalation, case)))  # a sign of life on the case
    await escalation.advance(timedelta(minutes=29))
    assert await escalation.events(EscalationUnacknowledged) == []
    await escalation.advance(timedelta(minutes=2))

    [silent] = await escalation.events(EscalationUnacknowledged)
    assert (silent.step, silent.silent_seconds) == (1, 1800)
    assert (await called(escalation))[1] == (2, 0, ["Binh"])
    shown = (await escalation.get(f"/v1/escalations/{raised['id']}")).json()
    assert (shown["state"], shown["acknowledgements"]) == ("triggered", [])
    assert [change["state"] for change in shown["history"]] == ["triggered", "acknowledged", "triggered"]


@pytest.mark.promise("S23")
async def test_a_step_that_wants_two_goes_on_after_one(escalation: Harness) -> None:
    await a_policy(escalation, step("An", "Binh", wants=2), step("Chi"))
    raised = await an_escalation(escalation, await a_case(escalation))

    first = await act(escalation, raised, "acknowledge", role="engineer")
    again = await act(escalation, raised, "acknowledge", role="engineer")
    assert (first.json()["state"], again.status_code, again.json()["still_wanted"]) == ("triggered", 409, 1)
    await escalation.advance(timedelta(minutes=16))
    assert (await called(escalation))[1] == (2, 0, ["Chi"])

    [heard] = await escalation.events(EscalationAcknowledged)
    assert heard.still_wanted == 1


async def test_two_people_silence_a_step_that_wants_two(escalation: Harness) -> None:
    await a_policy(escalation, step("An", "Binh", wants=2), step("Chi"))
    raised = await an_escalation(escalation, await a_case(escalation))
    await act(escalation, raised, "acknowledge", role="engineer", person_id=id_of("An"))
    second = await act(escalation, raised, "acknowledge", role="manager", person_id=id_of("Binh"))
    assert second.json()["state"] == "acknowledged"
    assert second.json()["history"][-1]["reason"] == "taken up"
    assert [each["person"]["name"] for each in second.json()["acknowledgements"]] == ["An", "Binh"]
    await escalation.advance(timedelta(minutes=16))
    assert len(await called(escalation)) == 1


async def test_a_hand_over_names_who_answers_now(escalation: Harness) -> None:
    raised = await an_escalation(escalation, await a_case(escalation))
    too_early = await act(escalation, raised, "hand-over", {"person_id": str(id_of("Dung")), "note": "Yours"})
    assert (too_early.status_code, too_early.json()["state"]) == (409, "triggered")
    assert too_early.json()["possible"] == ["acknowledge", "engage_expert", "resolve"]

    await act(escalation, raised, "acknowledge", person_id=id_of("An"))
    for who in ("Dung", "Em"):
        handed = await act(escalation, raised, "hand-over", {"person_id": str(id_of(who)), "note": "Yours"})
        assert (handed.status_code, handed.json()["owner"]["name"]) == (200, who)
        unconfirmed = await act(escalation, raised, "hand-over", {"person_id": str(id_of("Chi")), "note": "No, yours"})
        assert (unconfirmed.status_code, unconfirmed.json()["state"]) == (409, "handed_over")
        if who == "Dung":
            assert (await act(escalation, raised, "acknowledge")).json()["state"] == "acknowledged"

    first, second = await escalation.events(EscalationHandedOver)
    assert (first.previous_person_id, first.person_id) == (id_of("An"), id_of("Dung"))
    assert (second.previous_person_id, second.person_id) == (id_of("Dung"), id_of("Em"))
    await escalation.advance(timedelta(minutes=31))
    assert [e.person_id for e in await escalation.events(EscalationUnacknowledged)] == [id_of("Em")]


@pytest.mark.promise("S23")
async def test_the_expert_with_most_of_the_skills_is_found_and_invited(escalation: Harness) -> None:
    await an_expert(escalation, "network", skills={"domains": ["network"]})
    await an_expert(escalation, "half")
    full = await an_expert(escalation, "full", skills={"families": ["Studio X"], "domains": ["partner_environment"]})
    away = {"starts": "2020-01-01T00:00:00Z", "ends": "2100-01-01T00:00:00Z"}
    both = {"families": ["Studio X"], "domains": ["partner_environment"], "partners": [str(ACCOUNT)]}
    await an_expert(escalation, "away", skills=both, absences=[away])
    case = await a_case(escalation)
    await escalation.deliver(case.covered(), case.diagnosed(1))
    raised = await an_escalation(escalation, case)

    for expected in ("full", "half"):
        engaged = await act(escalation, raised, "engage-expert", {"reason": "Fails only inside Teams"})
        assert (engaged.status_code, engaged.json()["experts"][-1]["name"]) == (200, expected)
    nobody = await act(escalation, raised, "engage-expert", {"reason": "One more"})
    assert nobody.status_code == 409
    assert nobody.json()["candidates"][0]["reason"] == "absent"

    invited = [(str(e.expert_id), e.person_id, e.skills) for e in await escalation.events(ExpertEngaged)]
    assert invited[0] == (full, id_of("full"), ["domain:partner_environment", "family:Studio X"])


async def test_an_expert_is_invited_once_and_carries_no_more_than_they_can_until_it_is_over(
    escalation: Harness,
) -> None:
    expert = await an_expert(escalation, "solo", max_load=1)
    first, second = [await an_escalation(escalation, await a_case(escalation)) for _ in range(2)]
    ask = {"expert_id": expert, "reason": "Needed"}

    assert (await act(escalation, first, "engage-expert", ask)).status_code == 200
    assert (await act(escalation, first, "engage-expert", ask)).json()["type"].endswith("engaged-already")
    busy = await act(escalation, second, "engage-expert", ask)
    assert (busy.status_code, busy.json()["reason"]) == (409, "fully_loaded")
    assert (await act(escalation, first, "resolve", {"resolution": "Solved"})).status_code == 200
    assert (await act(escalation, second, "engage-expert", ask)).status_code == 200
    assert (
        await act(escalation, second, "engage-expert", {"expert_id": str(new_id()), "reason": "Who"})
    ).status_code == 404


@pytest.mark.promise("S23")
async def test_a_customer_asks_for_an_escalation_and_sees_their_side_of_it(escalation: Harness) -> None:
    case = await a_case(escalation)
    ask = {"case_id": str(case.id), "reason": ESCALATE}
    mine = {"role": "customer", "accounts": [ACCOUNT]}
    asked = await escalation.post("/v1/escalations", ask, **mine)

    assert asked.status_code == 201
    assert "policy" not in asked.json()
    [breach] = await escalation.events(ThresholdBreached)
    assert (breach.rule, breach.raises_escalation) == ("customer_request", True)
    [raised] = await escalation.events(EscalationRaised)
    assert (raised.reason, raised.breach_id, str(raised.escalation_id)) == (
        "customer_request",
        breach.breach_id,
        asked.json()["id"],
    )

    again = await escalation.post("/v1/escalations", ask, **mine)
    assert (again.status_code, again.json()["state"]) == (409, "triggered")
    [shown] = (await escalation.get("/v1/escalations", **mine)).json()["items"]
    assert shown["explanation"] == ESCALATE
    assert "recipients" not in shown

    await act(escalation, asked.json(), "resolve", {"resolution": "We called you"})
    later = await escalation.post("/v1/escalations", ask, **mine)
    assert later.status_code == 201
    await escalation.advance(timedelta(seconds=2))
    assert len(await escalation.events(ThresholdBreached)) == 1


async def test_another_account_sees_no_case_and_no_escalation(escalation: Harness) -> None:
    case = await a_case(escalation)
    raised = await an_escalation(escalation, case)
    theirs = {"role": "customer", "accounts": [new_id()]}
    ask = {"case_id": str(case.id), "reason": ESCALATE}

    assert (await escalation.post("/v1/escalations", ask, **theirs)).status_code == 404
    assert (await escalation.get(f"/v1/escalations/{raised['id']}", **theirs)).status_code == 404
    assert (await escalation.get("/v1/escalations", **theirs)).json()["items"] == []
    assert len(await escalation.events(EscalationRaised)) == 1


@pytest.mark.parametrize("what", ["acknowledge", "hand-over", "engage-expert", "resolve"])
async def test_a_customer_may_not_work_an_escalation(escalation: Harness, what: str) -> None:
    raised = await an_escalation(escalation, await a_case(escalation))
    assert (await act(escalation, raised, what, role="customer", accounts=[ACCOUNT])).status_code == 403


async def test_a_case_nobody_told_us_of_cannot_be_escalated(escalation: Harness) -> None:
    ask = {"case_id": str(new_id()), "reason": ESCALATE}
    assert (await escalation.post("/v1/escalations", ask, role="manager")).status_code == 404


async def test_a_resolved_case_is_reopened_before_it_is_escalated(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.resolved(1))
    refused = await escalation.post("/v1/escalations", {"case_id": str(case.id), "reason": ESCALATE}, role="manager")
    assert (refused.status_code, refused.json()["state"], refused.json()["possible"]) == (409, "resolved", ["reopen"])


@pytest.mark.parametrize("end", ["closed", "cancelled", "assessing"])
async def test_a_case_that_takes_no_commands_refuses_them_and_says_what_is_possible(
    escalation: Harness, end: str
) -> None:
    case = await a_case(escalation)
    raised = await an_escalation(escalation, case)
    over = {
        "closed": case.closed(2),
        "cancelled": case.cancelled(2),
        "assessing": CancellationRequested(case_id=case.id, reason="no need", requested_at=case.at(2), **WHO),
    }
    await escalation.deliver(over[end])
    for refused in (
        await escalation.post("/v1/escalations", {"case_id": str(case.id), "reason": ESCALATE}, role="manager"),
        await act(escalation, raised, "acknowledge"),
    ):
        assert (refused.status_code, refused.json()["state"]) == (422, end)
        assert refused.json()["possible"]
    assert await escalation.events(EscalationAcknowledged) == []


@pytest.mark.parametrize("word", ["declined", "withdrawn"])
async def test_a_case_that_is_not_cancelled_after_all_takes_commands_again_and_its_clocks_ran_on(
    escalation: Harness, word: str
) -> None:
    case = await a_case(escalation)
    raised = await an_escalation(escalation, case)
    told: dict[str, Any] = {"case_id": case.id, "back_to": "in_progress", "reason": "the part has shipped", **WHO}
    back = {
        "declined": CancellationDeclined(**told, declined_at=case.at(30)),
        "withdrawn": CancellationWithdrawn(**told, withdrawn_at=case.at(30)),
    }
    asked = CancellationRequested(case_id=case.id, reason="no need", requested_at=case.at(2), **WHO)
    await escalation.deliver(asked, back[word])

    assert (await act(escalation, raised, "acknowledge")).status_code == 200
    assert [*await escalation.events(ClockPaused), *await escalation.events(ClockStopped)] == []


@pytest.mark.parametrize("end", ["resolved", "closed", "cancelled"])
async def test_escalations_end_with_their_case_and_call_nobody_any_more(escalation: Harness, end: str) -> None:
    case = await a_case(escalation)
    await escalation.post("/v1/rotas", a_rota(), role="manager")
    raised = await an_escalation(escalation, case)
    expert = await an_expert(escalation, "helper")
    await act(escalation, raised, "engage-expert", {"expert_id": expert, "reason": "Needed"})
    await escalation.deliver(getattr(case, end)(1))
    await escalation.advance(timedelta(hours=2))

    [over] = await escalation.events(EscalationResolved)
    assert (over.automatic, over.resolution) == (True, f"The case was {end}.")
    assert len(await called(escalation)) == 1
    assert (await escalation.get(f"/v1/experts/{expert}")).json()["load"] == 0


async def test_a_resolved_escalation_refuses_with_its_state(escalation: Harness) -> None:
    raised = await an_escalation(escalation, await a_case(escalation))
    await act(escalation, raised, "resolve", {"resolution": "Solved"})
    for what, body in (
        ("acknowledge", {}),
        ("hand-over", {"person_id": str(id_of("Em")), "note": "Yours"}),
        ("resolve", {"resolution": "Solved"}),
        ("engage-expert", {"expert_id": await an_expert(escalation, "late"), "reason": "Needed"}),
    ):
        refused = await act(escalation, raised, what, body)
        assert (refused.status_code, refused.json()["state"], refused.json()["possible"]) == (409, "resolved", [])


@pytest.mark.parametrize(
    ("what", "body", "refused"),
    [
        ("resolve", {}, "/resolution"),
        ("hand-over", {"note": "Yours"}, "/person_id"),
        ("engage-expert", {"reason": ""}, "/reason"),
        ("acknowledge", {"state": "resolved"}, "/state"),
    ],
)
async def test_what_is_not_understood_is_refused_and_changes_nothing(
    escalation: Harness, what: str, body: Any, refused: str
) -> None:
    raised = await an_escalation(escalation, await a_case(escalation))
    emitted = len(await escalation.outbox())
    answer = await act(escalation, raised, what, body)
    assert (answer.status_code, pointers(answer)) == (422, [refused])
    assert len(await escalation.outbox()) == emitted


async def test_the_built_in_policy_calls_the_duty_manager_of_that_instant(escalation: Harness) -> None:
    await escalation.post("/v1/rotas", a_rota(people=("Chi",)), role="manager")
    case = await a_case(escalation)
    await escalation.deliver(case.assigned(0))
    raised = await an_escalation(escalation, case)
    assert [(r["kind"], r["name"]) for r in raised["recipients"]] == [
        ("duty_manager", "Chi"),
        ("assignee", "Binh"),
        ("service_management", "Service management"),
    ]

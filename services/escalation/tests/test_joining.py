"""A case has one open escalation: what else calls for one joins it."""

from copy import copy
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from libs.events.escalation import (
    BreachJoined,
    EscalationRaised,
    EscalationResolved,
    EscalationStepped,
    EscalationUnanswered,
    ThresholdBreached,
)
from services.escalation.model.escalation import Escalation
from services.escalation.tests.builders import ACCOUNT, a_case, a_person, id_of
from services.escalation.tests.test_escalations import a_policy, act, an_escalation, called, step
from tests.support.harness import Harness

MINE = {"role": "customer", "accounts": [ACCOUNT]}


async def shown(escalation: Harness, of: EscalationRaised | BreachJoined) -> dict[str, Any]:
    body: dict[str, Any] = (await escalation.get(f"/v1/escalations/{of.escalation_id}")).json()
    return body


@pytest.mark.promise("S23", "S24")
async def test_what_breaches_while_nobody_took_it_up_joins_and_is_named_by_the_next_step(escalation: Harness) -> None:
    await a_policy(escalation, step("An", minutes=60), step("Binh", minutes=60))
    case = await a_case(escalation)
    await escalation.advance(timedelta(minutes=151))

    [raised] = await escalation.events(EscalationRaised)
    [joined] = await escalation.events(BreachJoined)
    [update] = [e for e in await escalation.events(ThresholdBreached) if (e.rule, e.percent) == ("update", 100)]
    assert (joined.escalation_id, joined.reason, joined.breach_id) == (raised.escalation_id, "update", update.breach_id)
    assert (joined.recipients, joined.joined_at) == ([], update.breached_at)
    assert joined.joined_at >= case.at(120)
    reasons = [each.reasons for each in await escalation.events(EscalationStepped)]
    assert reasons == [["first_response"], ["first_response"], ["first_response", "update"]]
    assert await called(escalation) == [(1, 0, ["An"]), (2, 0, ["Binh"]), (1, 1, ["An"])]
    body = await shown(escalation, raised)
    assert [(each["reason"], each["breach_id"]) for each in body["joined"]] == [("update", str(update.breach_id))]
    assert (body["reason"], body["state"]) == ("first_response", "triggered")


@pytest.mark.parametrize("handed_over", [False, True])
async def test_who_holds_it_and_service_management_are_told_of_what_joins(
    escalation: Harness, handed_over: bool
) -> None:
    managers = {"name": "M", "purpose": "service_management", "members": [str(id_of(each)) for each in ("Chi", "Dung")]}
    assert (await escalation.post("/v1/teams", managers, role="manager")).status_code == 201
    case = await a_case(escalation)
    raised = await an_escalation(escalation, case)
    who = "Dung" if handed_over else "An"
    await act(escalation, raised, "acknowledge", person_id=id_of("An"))
    if handed_over:
        await act(escalation, raised, "hand-over", {"person_id": str(id_of("Dung")), "note": "Yours"})
    before = len(await called(escalation))
    await escalation.deliver(case.contract_date_missed(0.01))
    await escalation.advance(timedelta(seconds=2))

    [joined] = await escalation.events(BreachJoined)
    assert joined.reason == "contract_date_missed"
    in_turn = [("holder", id_of(who)), ("service_management", id_of("Chi")), ("service_management", id_of("Dung"))]
    assert [(r.kind, r.id) for r in joined.recipients] == in_turn[: 2 if handed_over else 3]  # nobody is named twice
    assert len(await called(escalation)) == before
    assert (await shown(escalation, joined))["state"] == ("handed_over" if handed_over else "acknowledged")


@pytest.mark.promise("S23", "S24")
async def test_what_comes_when_nobody_answered_begins_the_steps_anew(escalation: Harness) -> None:
    await a_policy(escalation, step("An", minutes=20), step("Binh", minutes=20), repeat=0)
    await a_case(escalation)
    await escalation.advance(timedelta(minutes=119))  # from 30 on
    assert (len(await escalation.events(EscalationUnanswered)), len(await called(escalation))) == (1, 2)
    await escalation.advance(timedelta(minutes=42))  # update: 120

    [joined] = await escalation.events(BreachJoined)
    assert (joined.reason, joined.recipients) == ("update", [])
    assert await called(escalation) == [(1, 0, ["An"]), (2, 0, ["Binh"])] * 2
    body = await shown(escalation, joined)
    assert [each["state"] for each in body["history"]] == ["triggered", "unanswered", "triggered", "unanswered"]
    assert len(await escalation.events(EscalationRaised)) == 1


async def test_a_customers_request_and_ours_join_the_open_one_in_their_words(escalation: Harness) -> None:
    case = await a_case(escalation)
    raised = await an_escalation(escalation, case)
    for role, words in (({"role": "manager"}, "Their shop opens"), (MINE, "We open tomorrow")):
        asked = await escalation.post("/v1/escalations", {"case_id": str(case.id), "reason": words}, **role)
        assert (asked.status_code, asked.json()["id"]) == (201, raised["id"])
        assert asked.json()["joined"][-1]["explanation"] == words

    found = [(e.reason, e.breach_id is not None) for e in await escalation.events(BreachJoined)]
    assert found == [("manager", False), ("customer_request", True)]
    again = await escalation.post("/v1/escalations", {"case_id": str(case.id), "reason": "Hello?"}, **MINE)
    assert (again.status_code, again.json()["escalation_id"], again.json()["state"]) == (409, raised["id"], "triggered")
    [seen] = (await escalation.get("/v1/escalations", **MINE)).json()["items"]
    assert [each["reason"] for each in seen["joined"]] == ["manager", "customer_request"]


async def test_a_customer_whom_nobody_answered_may_ask_again(escalation: Harness) -> None:
    await a_policy(escalation, step("An", minutes=10), repeat=0)
    case = await a_case(escalation)
    ask = {"case_id": str(case.id), "reason": "Nobody answers us"}
    assert (await escalation.post("/v1/escalations", ask, **MINE)).status_code == 201
    await escalation.advance(timedelta(minutes=11))
    again = await escalation.post("/v1/escalations", ask, **MINE)

    assert (again.status_code, again.json()["state"]) == (201, "triggered")
    assert await called(escalation) == [(1, 0, ["An"])] * 2
    assert [each.reason for each in await escalation.events(BreachJoined)] == ["customer_request"]


async def test_what_breaches_after_one_is_over_raises_another(escalation: Harness) -> None:
    case = await a_case(escalation)
    raised = await an_escalation(escalation, case)
    await act(escalation, raised, "resolve", {"resolution": "Solved"})
    await escalation.advance(timedelta(minutes=31))
    assert [each.reason for each in await escalation.events(EscalationRaised)] == ["manager", "first_response"]


async def test_two_thresholds_of_one_instant_raise_one_escalation(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation._hop(case.at(25 * 60))
    await escalation.fire_timers()
    [raised] = await escalation.events(EscalationRaised)
    joined = await escalation.events(BreachJoined)
    assert {each.escalation_id for each in joined} == {raised.escalation_id}
    rules = {"first_response", "update", "resolution", "no_progress", "age"}
    assert {raised.reason, *(each.reason for each in joined)} == rules


async def test_no_code_can_open_a_second_one(escalation: Harness) -> None:
    raised = await an_escalation(escalation, await a_case(escalation))

    async def open_another() -> None:
        async with escalation.transaction() as tx:
            second = copy(await Escalation.get(UUID(raised["id"]), tx))
            second.id, second.number = UUID(int=5), "ESC-2026-999999"
            tx.add(second)

    with pytest.raises(asyncpg.UniqueViolationError, match="escalations_case_id_open_key"):
        await open_another()


async def test_a_hand_over_ends_with_the_next_step(escalation: Harness) -> None:
    case = await a_case(escalation)
    raised = await an_escalation(escalation, case)
    await act(escalation, raised, "acknowledge", person_id=id_of("An"))
    await act(escalation, raised, "hand-over", {"person_id": str(id_of("Dung")), "note": "Yours"})
    await escalation.advance(timedelta(minutes=31))
    await act(escalation, raised, "acknowledge", person_id=id_of("Binh"))
    await escalation.deliver(case.contract_date_missed(0.01))
    await escalation.fire_timers()

    [*_, joined] = await escalation.events(BreachJoined)
    assert joined.recipients[0].id == id_of("Binh")  # who took it up, not to whom it had been handed over


async def test_that_one_of_before_was_joined_to_another_is_told(escalation: Harness) -> None:
    raised = await an_escalation(escalation, await a_case(escalation))
    async with escalation.transaction() as tx:
        before = await Escalation.get(UUID(raised["id"]), tx, lock=True)
        before.resolve("It joined ESC-2026-000001.", "system:escalation", tx.now)  # as the migration does
        tx.set_timer(before, "joined", tx.now)
    await escalation.fire_timers()

    [over] = await escalation.events(EscalationResolved)
    assert (str(over.escalation_id), over.automatic, over.by) == (raised["id"], True, "system:escalation")
    assert over.resolution == "It joined ESC-2026-000001."


async def test_the_successor_of_who_left_is_told_of_what_joins(escalation: Harness) -> None:
    case = await a_case(escalation)
    await act(escalation, await an_escalation(escalation, case), "acknowledge", person_id=id_of("An"))
    left = a_person("An").model_copy(update={"active": False, "successor_id": id_of("Chi")})
    await escalation.learn({id_of("An"): left}, version=2)
    await escalation.fire_timers()
    await escalation.deliver(case.contract_date_missed(0.01))
    await escalation.advance(timedelta(seconds=2))

    [joined] = await escalation.events(BreachJoined)
    assert (joined.recipients[0].kind, joined.recipients[0].id) == ("holder", id_of("Chi"))

"""Thresholds fire when they are due, never early, once; and call the people there are."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.events.escalation import (
    ClockStarted,
    EscalationRaised,
    EscalationStepped,
    EscalationUnanswered,
    ThresholdBreached,
)
from libs.events.gateway import PersonState
from libs.events.values import Recipient
from libs.store.ids import new_id
from services.escalation.model.breach import Breach
from services.escalation.model.people import Addressee
from services.escalation.queries.our_people import called
from services.escalation.tests.builders import ACase, a_case, a_rota, id_of, now_after
from tests.support.harness import Harness


async def kept(escalation: Harness, path: str, body: dict[str, Any]) -> UUID:
    """The id of the team or rota that was made."""
    made = await escalation.post(path, body, role="admin")
    assert made.status_code == 201, made.text
    return UUID(made.json()["id"])


async def told(escalation: Harness) -> list[Addressee]:
    """Whom the one breach is told to, with the names and addresses of now; our own row has those of no person."""
    async with escalation.transaction() as tx:
        [breach] = await tx.select(Breach)
        assert [each.address for each in breach.recipients if each.person_id] == [None] * len(
            [each for each in breach.recipients if each.person_id]
        )
        return await called(breach.recipients, tx)


@pytest.mark.promise("S24")
async def test_a_case_without_an_answer_passes_75_and_100_percent_and_is_escalated(escalation: Harness) -> None:
    assert (await escalation.post("/v1/rotas", a_rota(), role="manager")).status_code == 201
    case = await a_case(escalation)

    await escalation.advance(timedelta(minutes=22))
    assert await escalation.events(ThresholdBreached) == []
    await escalation.advance(timedelta(minutes=9))

    told, raised = await escalation.events(ThresholdBreached)
    assert (told.rule, told.percent, told.due_at, told.raises_escalation) == (
        "first_response",
        75,
        case.at(22.5),
        False,
    )
    assert (raised.rule, raised.percent, raised.due_at, raised.raises_escalation) == (
        "first_response",
        100,
        case.at(30),
        True,
    )
    assert told.breached_at >= told.due_at
    assert {(each.kind, each.id) for each in told.recipients} == {
        ("duty_manager", id_of("Chi")),
        ("service_management", None),
    }
    [escalated] = await escalation.events(EscalationRaised)
    assert (escalated.reason, escalated.breach_id, escalated.priority) == ("first_response", raised.breach_id, "P1")
    [step] = await escalation.events(EscalationStepped)
    assert id_of("Chi") in {each.id for each in step.recipients}


async def test_opening_starts_three_clocks(escalation: Harness) -> None:
    case = await a_case(escalation)

    started = {event.clock: event.due_at for event in await escalation.events(ClockStarted)}
    assert started == {"first_response": case.at(30), "update": case.at(120), "resolution": case.at(480)}
    shown = (await escalation.get(f"/v1/clocks?case_id={case.id}")).json()["items"]
    assert [clock["kind"] for clock in shown] == ["first_response", "update", "resolution"]


async def test_what_is_met_in_time_never_fires(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.responded(10))
    await escalation.advance(timedelta(minutes=60))
    assert await escalation.events(ThresholdBreached) == []


async def test_a_paused_resolution_clock_fires_later_by_what_it_stood_still(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.pending("customer", 0.1))
    await escalation.advance(timedelta(hours=10))
    assert "resolution" not in {e.rule for e in await escalation.events(ThresholdBreached)}

    ended = await now_after(escalation, case)
    await escalation.deliver(case.resumed("customer", ended))
    await escalation.advance(timedelta(hours=8))

    due = {e.percent: e.due_at for e in await escalation.events(ThresholdBreached) if e.rule == "resolution"}
    assert due == {75: case.at(ended - 0.1 + 360), 100: case.at(ended - 0.1 + 480)}


async def test_a_breach_that_fell_due_while_nobody_was_there_fires_afterwards_and_once(escalation: Harness) -> None:
    case = ACase(await escalation.now() - timedelta(minutes=45))
    await escalation.deliver(case.opened(), case.responded(40))
    assert await escalation.events(ThresholdBreached) == []  # the consumer leaves it to the timers

    await escalation.fire_timers()
    await escalation.fire_timers()

    found = [(e.rule, e.percent, e.due_at) for e in await escalation.events(ThresholdBreached)]
    assert found == [("first_response", 75, case.at(22.5)), ("first_response", 100, case.at(30))]


async def test_an_answer_that_was_given_in_time_and_heard_of_late_excuses_the_breach(escalation: Harness) -> None:
    case = ACase(await escalation.now() - timedelta(minutes=45))
    await escalation.deliver(case.opened(), case.responded(5))
    await escalation.fire_timers()
    assert await escalation.events(ThresholdBreached) == []


async def test_a_new_epoch_can_breach_again(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.advance(timedelta(minutes=31))
    at = await now_after(escalation, case)
    await escalation.deliver(case.resolved(at), case.reopened(at + 1))
    await escalation.advance(timedelta(minutes=40))

    hundred = [e for e in await escalation.events(ThresholdBreached) if e.percent == 100]
    assert [(e.rule, e.epoch) for e in hundred] == [("first_response", 1), ("first_response", 2)]
    assert len({e.breach_id for e in hundred}) == 2


@pytest.mark.promise("S24")
async def test_what_happens_to_a_case_breaches_thresholds_of_its_own(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(
        case.repeat_replacement(0.01),
        case.contract_date_missed(0.02),
        case.partner_silent(0.03),
        case.partner_silent(0.04),
    )
    await escalation.advance(timedelta(seconds=5))

    found = {(e.rule, e.percent, e.raises_escalation) for e in await escalation.events(ThresholdBreached)}
    assert found == {
        ("repeat_replacement", None, False),
        ("contract_date_missed", None, True),
        ("partner_silence", None, False),
    }
    assert len(await escalation.events(ThresholdBreached)) == 3


async def test_a_case_reopened_twice_is_escalated(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.resolved(0.01), case.reopened(0.02, 2))
    await escalation.advance(timedelta(seconds=2))
    assert await escalation.events(ThresholdBreached) == []
    await escalation.deliver(case.resolved(0.03), case.reopened(0.04, 3))
    await escalation.advance(timedelta(seconds=3))

    [breach] = await escalation.events(ThresholdBreached)
    assert (breach.rule, breach.epoch, breach.raises_escalation) == ("reopenings", 3, True)


async def test_age_and_no_progress_fire_when_nobody_moves_the_case(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.assigned(0))
    await escalation.advance(timedelta(hours=25))

    due = {e.rule: e.due_at for e in await escalation.events(ThresholdBreached) if e.percent is None}
    assert due == {"no_progress": case.at(240), "age": case.at(24 * 60)}


async def test_a_case_does_not_age_while_the_customer_is_waited_for(escalation: Harness) -> None:
    """Not a partner's silence: that is ours to end."""
    case = await a_case(escalation)
    await escalation.deliver(case.responded(0.01), case.pending("customer", 0.1))
    await escalation.advance(timedelta(days=10))
    assert await escalation.events(ThresholdBreached) == []
    assert await escalation.events(EscalationUnanswered) == []

    ended = await now_after(escalation, case)
    await escalation.deliver(case.resumed("customer", ended), case.pending("partner", ended + 1, name="theirs"))
    await escalation.advance(timedelta(hours=25))
    aged = [e.due_at for e in await escalation.events(ThresholdBreached) if e.rule == "age"]
    assert aged == [case.at(ended - 0.1 + 24 * 60)]


async def test_a_fact_that_comes_before_its_case_is_kept(escalation: Harness) -> None:
    case = ACase(await escalation.now())
    await escalation.deliver(case.contract_date_missed(0.01), case.covered())
    await escalation.deliver(case.opened())
    await escalation.advance(timedelta(seconds=2))

    [breach] = await escalation.events(ThresholdBreached)
    assert breach.rule == "contract_date_missed"


async def test_the_assignee_is_told_too(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.assigned(0))
    await escalation.advance(timedelta(minutes=23))

    assert ("assignee", "binh@polyplus.example") in {(r.kind, r.address) for r in await told(escalation)}
    [breach] = await escalation.events(ThresholdBreached)
    assert Recipient(kind="assignee", id=id_of("Binh")) in breach.recipients


@pytest.mark.parametrize("taken_again", [False, True])
async def test_who_handed_the_case_over_is_not_told_until_they_take_it_again(
    escalation: Harness, taken_again: bool
) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.assigned(0), case.handed_over(1), *([case.assigned(2)] if taken_again else []))
    await escalation.advance(timedelta(minutes=23))
    assert [r.kind for r in await told(escalation)].count("assignee") == taken_again


@pytest.mark.parametrize("forgotten", [False, True])
async def test_an_assignee_who_is_not_known_yet_is_told_by_id_and_one_who_is_forgotten_is_not(
    escalation: Harness, forgotten: bool
) -> None:
    who = id_of("Binh") if forgotten else new_id()
    if forgotten:
        await escalation.learn({who: PersonState}, version=2)
    case = await a_case(escalation)
    await escalation.deliver(case.assigned(0).model_copy(update={"assignee_id": who}))
    await escalation.advance(timedelta(minutes=23))
    [breach] = await escalation.events(ThresholdBreached)
    assert (Recipient(kind="assignee", id=who) in breach.recipients) is not forgotten
    shown = [(r.name, r.address) for r in await told(escalation) if r.kind == "assignee"]
    assert shown == ([] if forgotten else [(None, None)])


async def test_of_whom_an_older_fact_named_by_text_nobody_is_told(escalation: Harness) -> None:
    case = await a_case(escalation)
    await escalation.deliver(case.assigned(0).model_copy(update={"assignee_id": None}))
    await escalation.advance(timedelta(minutes=23))
    assert [r for r in await told(escalation) if r.kind == "assignee"] == []


async def test_service_managements_own_team_and_webhooks_are_told(escalation: Harness) -> None:
    team = {
        "name": "Managers",
        "purpose": "service_management",
        "members": [str(id_of("Dung"))],
        "webhook_url": "https://hooks.example/1",
    }
    team_id = await kept(escalation, "/v1/teams", team)
    rota_id = await kept(escalation, "/v1/rotas", a_rota() | {"webhook_url": "https://hooks.example/2"})
    await a_case(escalation)
    await escalation.advance(timedelta(minutes=23))

    assert [(r.kind, r.name, r.address) for r in await told(escalation)] == [
        ("duty_manager", "Chi", "chi@polyplus.example"),
        ("webhook", "Duty managers", "https://hooks.example/2"),
        ("service_management", "Dung", "dung@polyplus.example"),
        ("webhook", "Managers", "https://hooks.example/1"),
    ]
    [breach] = await escalation.events(ThresholdBreached)
    assert [(r.kind, r.id) for r in breach.recipients] == [
        ("duty_manager", id_of("Chi")),
        ("webhook", rota_id),
        ("service_management", id_of("Dung")),
        ("webhook", team_id),
    ]


async def test_who_is_called_for_many_reasons_is_named_once_in_each_event(escalation: Harness) -> None:
    await escalation.post("/v1/rotas", a_rota(people=("Chi",)), role="manager")
    for name in ("Managers", "Deputies"):
        members = [str(id_of(each)) for each in ("Chi", "Dung", "Binh")]
        await kept(escalation, "/v1/teams", {"name": name, "purpose": "service_management", "members": members})
    calls = [{"kind": "duty_manager"}, {"kind": "assignee"}, {"kind": "person", "id": str(id_of("Dung"))}]
    policy = {"name": "P", "steps": [{"calls": calls}], "repeat": 0}
    assert (await escalation.post("/v1/policies", policy, role="manager")).status_code == 201
    case = await a_case(escalation)
    await escalation.deliver(case.assigned(0))
    await escalation.advance(timedelta(minutes=46))

    told, breached = await escalation.events(ThresholdBreached)
    [step] = await escalation.events(EscalationStepped)
    [unanswered] = await escalation.events(EscalationUnanswered)
    in_turn = [(kind, id_of(who)) for kind, who in (("duty_manager", "Chi"), ("assignee", "Binh"))]
    for each, others in ((told, "service_management"), (breached, "service_management"), (step, "on_call")):
        assert [(r.kind, r.id) for r in each.recipients] == [*in_turn, (others, id_of("Dung"))]
    assert [r.id for r in unanswered.recipients] == [id_of(who) for who in ("Chi", "Dung", "Binh")]

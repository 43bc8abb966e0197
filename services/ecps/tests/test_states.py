"""The two machines, and what the API says where no way leads."""

from pathlib import Path
from typing import Any

import pytest

from libs.events.ecps import PartnerTicketReopened, PartnerTicketUpdated
from libs.kit.states import ForbiddenTransition, StateMachine
from libs.store.ids import new_id
from services.ecps.model.engagement import Engagement, EngagementState, machine
from services.ecps.model.joint_call import CallState, JointCall, call_machine
from services.ecps.tests.builders import ACCOUNT, PARTNER, a_case_with_wish, a_partner, an_opened_engagement, notice
from tests.support.harness import Harness

MOVES: dict[EngagementState, set[EngagementState]] = {
    "requested": {"eligible", "not_openable", "withdrawn"},
    "not_openable": {"requested", "withdrawn"},
    "eligible": {"submitting", "not_openable", "withdrawn"},
    "submitting": {"opened", "not_openable", "outcome_unknown", "withdrawn"},
    "outcome_unknown": {"opened", "submitting", "withdrawn"},
    "opened": {"in_progress", "resolved", "closed", "submitting", "withdrawn"},
    "in_progress": {"information_required", "resolved", "closed", "submitting", "withdrawn"},
    "information_required": {"in_progress", "resolved", "closed", "submitting", "withdrawn"},
    "resolved": {"closed", "in_progress", "withdrawn"},
    "closed": {"in_progress"},
    "withdrawn": {"requested"},
}
CALL_MOVES: dict[CallState, set[CallState]] = {
    "requested": {"scheduled", "cancelled"},
    "scheduled": {"scheduled", "held", "cancelled"},
    "held": set(),
    "cancelled": set(),
}


@pytest.mark.parametrize(("state", "to"), [(state, to) for state in MOVES for to in MOVES])
def test_an_engagement_goes_where_it_may_and_nowhere_else(state: EngagementState, to: EngagementState) -> None:
    if to in MOVES[state]:
        machine.check(state, to)
    else:
        with pytest.raises(ForbiddenTransition):
            machine.check(state, to)


@pytest.mark.parametrize(("state", "to"), [(state, to) for state in CALL_MOVES for to in CALL_MOVES])
def test_a_call_goes_where_it_may_and_nowhere_else(state: CallState, to: CallState) -> None:
    if to in CALL_MOVES[state]:
        call_machine.check(state, to)
    else:
        with pytest.raises(ForbiddenTransition):
            call_machine.check(state, to)


@pytest.mark.parametrize(("found", "moves"), [(machine, MOVES), (call_machine, CALL_MOVES)])
def test_a_machine_says_what_is_possible_in_each_state_and_has_no_other(
    found: StateMachine[Any], moves: dict[str, set[str]]
) -> None:
    assert {state: found.possible(state) for state in found.states} == {s: sorted(moves[s]) for s in moves}


@pytest.mark.parametrize("drawn", [machine, call_machine])
def test_the_readme_draws_what_holds(drawn: StateMachine[Any]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    assert f"```mermaid\n{drawn.mermaid()}```" in readme


async def test_every_move_is_on_record_and_a_refused_one_leaves_no_trace(ecps: Harness) -> None:
    async with ecps.transaction() as tx:
        engagement = Engagement(
            id=new_id(),
            account_id=ACCOUNT,
            number="PE",
            case_id=new_id(),
            diagnosis_id=new_id(),
            partner_id=PARTNER,
            partner_name="Cloud",
            language="vi",
            our_reference="PE",
            asked_at=tx.now,
            history=[],
            created_at=tx.now,
        )
        engagement.become("not_openable", tx, "because")
        with pytest.raises(ForbiddenTransition):
            engagement.become("opened", tx, "all the same")

        call = JointCall(
            id=new_id(),
            account_id=ACCOUNT,
            number="JC",
            case_id=new_id(),
            engagement_id=None,
            diagnosis_id=None,
            partner_id=PARTNER,
            partner_name="Cloud",
            purpose="talk",
            proposed=[],
            time_zone="UTC",
            participants=[],
            actions=[],
            history=[],
            created_at=tx.now,
        )
        call.become("scheduled", tx, "agreed")
        with pytest.raises(ForbiddenTransition):
            call.become("requested", tx, "all the same")

    assert engagement.state == "not_openable"
    assert [(each.state, each.reason, each.by) for each in engagement.history] == [
        ("not_openable", "because", "system:test")
    ]
    assert call.state == "scheduled"
    assert [(each.state, each.reason, each.by) for each in call.history] == [("scheduled", "agreed", "system:test")]


async def test_a_partner_who_asks_for_information_has_begun_to_work(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)

    await notice(ecps, kind="information_required", text="Which tenant?")

    engagement = (await ecps.get(case.path)).json()
    assert [each["state"] for each in engagement["history"]][-3:] == ["opened", "in_progress", "information_required"]


async def test_a_ticket_that_the_partner_reopens_is_worked_on_again(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    closed_at = await ecps.now()
    await notice(ecps, kind="closed", status="closed", occurred_at=closed_at.isoformat())
    earlier = closed_at.replace(year=closed_at.year - 1)
    await notice(ecps, status="inProgress", occurred_at=earlier.isoformat())
    assert (await ecps.get(case.path)).json()["state"] == "closed"

    await notice(ecps, status="inProgress", text="It came back")

    engagement = (await ecps.get(case.path)).json()
    assert engagement["state"] == "in_progress"
    assert engagement["partner_response_due"] is not None
    [again] = await ecps.events(PartnerTicketReopened)
    assert (again.ticket_number, again.partner_state, again.text) == ("TT-1", "inProgress", "It came back")


async def test_a_ticket_of_a_case_that_has_ended_is_not_open_again_and_what_they_say_is_kept(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    await notice(ecps, kind="resolved", text="Mended")
    await ecps.deliver(case.closed())

    await notice(ecps, status="inProgress", text="It came back")

    engagement = (await ecps.get(case.path)).json()
    assert (engagement["state"], engagement["partner_state"]) == ("closed", "inProgress")
    assert await ecps.events(PartnerTicketReopened) == []
    [said] = await ecps.events(PartnerTicketUpdated)
    assert (said.state, said.text) == (None, "It came back")


async def test_a_refused_command_names_the_state_and_what_is_possible(ecps: Harness) -> None:
    case = await an_opened_engagement(ecps)
    again = await ecps.post(f"{case.path}/ticket", {"ticket_number": "TT-2"})
    assert (again.status_code, again.json()["state"]) == (409, "opened")
    assert again.json()["possible"] == ["notes", "partner_updates", "withdraw"]

    assert (await ecps.post(f"{case.path}/withdraw", {"reason": "solved"})).json()["state"] == "withdrawn"
    before = len(await ecps.outbox())
    for path, body in (("withdraw", {"reason": "again"}), ("notes", {"text": "hello"})):
        refused = await ecps.post(f"{case.path}/{path}", body)
        assert (refused.status_code, refused.json()["state"]) == (409, "withdrawn")
        assert refused.json()["possible"] == ["partner_updates"]
    assert len(await ecps.outbox()) == before


async def test_a_closed_case_takes_no_commands(ecps: Harness) -> None:
    await a_partner(ecps)
    case = await a_case_with_wish(ecps)
    await ecps.deliver(case.closed())
    for path, body in (("withdraw", {"reason": "again"}), ("notes", {"text": "hello"})):
        refused = await ecps.post(f"{case.path}/{path}", body)
        assert (refused.status_code, refused.json()["state"]) == (422, "closed")
    call = await ecps.post(
        "/v1/joint-calls", {"case_id": str(case.id), "partner_id": str(PARTNER), "purpose": "talk"}, role="engineer"
    )
    assert (call.status_code, call.json()["state"], call.json()["possible"]) == (
        422,
        "closed",
        ["open a follow-up case"],
    )

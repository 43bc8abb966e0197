"""Every move of an escalation, through what people do to it."""

from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from libs.kit.states import ForbiddenTransition
from libs.store.ids import new_id
from services.escalation.model.escalation import (
    AcknowledgedAlready,
    Change,
    Escalation,
    EscalationState,
    Joined,
    machine,
)
from services.escalation.model.escalation_policy import Call, FrozenPolicy, Step

MOVES: dict[EscalationState, set[EscalationState]] = {
    "triggered": {"acknowledged", "unanswered", "resolved"},
    "unanswered": {"acknowledged", "triggered", "resolved"},
    "acknowledged": {"handed_over", "triggered", "resolved"},
    "handed_over": {"acknowledged", "triggered", "resolved"},
    "resolved": set(),
}
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
CHI = new_id()
MORE = Joined(reason="update", explanation="late again", by="system", at=AT)
ACTS: dict[EscalationState, Callable[[Escalation], object]] = {
    "acknowledged": lambda e: e.acknowledge("engineer:9", AT),
    "handed_over": lambda e: e.hand_over(CHI, "Please take it", "engineer:9", AT),
    "triggered": lambda e: e.join(MORE) if e.state in ("unanswered", "resolved") else e.unacknowledge(AT),
    "unanswered": lambda e: e.leave_unanswered(AT),
    "resolved": lambda e: e.resolve("Solved", "engineer:9", AT),
}


def an_escalation(
    state: EscalationState = "triggered", *, wants: int = 1, steps: int = 2, repeat: int = 1
) -> Escalation:
    step = Step(calls=(Call(kind="duty_manager"),), minutes_to_next=15, acknowledgements=wants)
    policy = FrozenPolicy(id=None, name="p", revision=0, steps=(step,) * steps, repeat=repeat, unacknowledge_minutes=30)
    escalation = Escalation(
        id=new_id(),
        case_id=UUID(int=1),
        number="ESC-2026-000001",
        reason="resolution",
        explanation="late",
        priority="P1",
        epoch=1,
        policy=policy,
        raised_by="system",
        raised_at=AT,
        active_at=AT,
        state=state,
        history=[Change(state=state, at=AT, by="system", reason="late")],
    )
    escalation.begin_step(AT, [])
    return escalation


@pytest.mark.parametrize(("state", "to"), [(state, to) for state in MOVES for to in sorted(MOVES[state])])
def test_an_allowed_transition_is_made_and_recorded(state: EscalationState, to: EscalationState) -> None:
    escalation = an_escalation(state)
    ACTS[to](escalation)
    assert escalation.state == to
    assert (escalation.history[-1].state, escalation.history[-1].at) == (to, AT)
    assert escalation.history[-1].by
    assert escalation.history[-1].reason


@pytest.mark.parametrize(("state", "to"), [(state, to) for state in MOVES for to in MOVES if to not in MOVES[state]])
def test_a_forbidden_transition_is_refused_and_changes_nothing(state: EscalationState, to: EscalationState) -> None:
    escalation = an_escalation(state)
    before = deepcopy(vars(escalation))
    with pytest.raises(ForbiddenTransition) as refused:
        ACTS[to](escalation)
    assert refused.value.extra["state"] == state
    assert refused.value.extra["possible"] == sorted(MOVES[state])
    assert vars(escalation) == before


def test_the_readme_draws_the_machine_as_it_is() -> None:
    assert machine.states == set(MOVES)
    assert machine.mermaid() in (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def test_one_persons_acknowledgement_does_not_silence_a_step_that_wants_two() -> None:
    escalation = an_escalation(wants=2)
    escalation.acknowledge("engineer:1", AT)
    assert (escalation.state, escalation.still_wanted) == ("triggered", 1)
    with pytest.raises(AcknowledgedAlready):
        escalation.acknowledge("engineer:1", AT)
    escalation.acknowledge("engineer:2", AT)
    assert (escalation.state, escalation.still_wanted) == ("acknowledged", 0)


def test_steps_are_gone_through_as_often_as_the_policy_says_and_the_last_is_the_end() -> None:
    escalation = an_escalation(steps=2, repeat=1)
    seen = [(escalation.step, escalation.repeat)]
    while escalation.next_step_at:
        escalation.begin_step(escalation.next_step_at, [])
        seen.append((escalation.step, escalation.repeat))
    assert seen == [(1, 0), (2, 0), (1, 1), (2, 1)]


@pytest.mark.parametrize("state", sorted(MOVES.keys() - {"resolved", "unanswered"}))
def test_what_joins_leaves_state_step_and_policy_as_they_are(state: EscalationState) -> None:
    escalation = an_escalation(state)
    before = deepcopy(vars(escalation))
    escalation.join(MORE)
    assert escalation.reasons == ["resolution", "update"]
    assert vars(escalation) == before | {"joined": [MORE]}


def test_silence_is_counted_from_the_last_sign_of_life_here_or_on_the_case() -> None:
    escalation = an_escalation("acknowledged")
    assert escalation.silent_from(None) == AT + timedelta(minutes=30)
    assert escalation.silent_from(AT + timedelta(minutes=10)) == AT + timedelta(minutes=40)
    assert escalation.silent_from(AT - timedelta(minutes=10)) == AT + timedelta(minutes=30)

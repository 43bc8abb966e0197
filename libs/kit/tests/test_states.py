import pytest

from libs.kit.problems import Conflict, body_of
from libs.kit.states import ForbiddenTransition, StateMachine

RMA = StateMachine(
    "RMA",
    {
        "requested": {"authorized", "denied"},
        "authorized": {"reserved", "cancelled"},
        "reserved": {"shipped", "cancelled"},
    },
    "requested",
)


@pytest.mark.parametrize(("state", "to"), RMA.allowed_pairs())
def test_every_allowed_transition_passes(state: str, to: str) -> None:
    RMA.check(state, to)


@pytest.mark.parametrize(("state", "to"), RMA.forbidden_pairs())
def test_every_other_transition_is_refused(state: str, to: str) -> None:
    with pytest.raises(ForbiddenTransition):
        RMA.check(state, to)


def test_allowed_and_forbidden_pairs_are_all_pairs() -> None:
    assert len(RMA.states) == 6
    assert len(RMA.allowed_pairs()) + len(RMA.forbidden_pairs()) == 36
    assert not set(RMA.allowed_pairs()) & set(RMA.forbidden_pairs())


def test_a_refusal_is_a_conflict_that_names_the_state_and_what_is_possible() -> None:
    with pytest.raises(Conflict) as refusal:
        RMA.check("reserved", "denied")
    body = body_of(refusal.value)
    assert body["status"] == 409
    assert (body["state"], body["wanted"], body["possible"]) == ("reserved", "denied", ["cancelled", "shipped"])
    assert body["detail"] == "RMA is reserved and cannot become denied; possible now: cancelled, shipped."


def test_a_refusal_at_an_end_says_that_nothing_follows() -> None:
    with pytest.raises(ForbiddenTransition, match="nothing follows") as refusal:
        RMA.check("denied", "authorized")
    assert refusal.value.possible == []


def test_a_state_out_of_reach_is_a_mistake_in_the_table() -> None:
    with pytest.raises(ValueError, match="lost"):
        StateMachine("RMA", {"requested": {"denied"}, "lost": {"requested"}}, "requested")
    with pytest.raises(ValueError, match="opened"):
        StateMachine("RMA", {"requested": {"denied"}}, "opened")


def test_the_diagram_shows_beginning_transitions_and_ends() -> None:
    door = StateMachine("Door", {"open": {"closed", "gone"}, "closed": {"open"}}, "closed")
    assert door.mermaid() == (
        "stateDiagram-v2\n    [*] --> closed\n    closed --> open\n    open --> closed\n    open --> gone\n    gone --> [*]\n"
    )

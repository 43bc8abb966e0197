from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.strangers import CALL_SECONDS, FAILING_SECONDS, GONE_SECONDS, Strangers


@dataclass
class Watch:
    """Goes on when it is told to."""

    time: float = 0.0

    def __call__(self) -> float:
        return self.time


hops = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.booleans(), max_size=6), min_size=1, max_size=20)


@given(hops)
def test_however_many_hops_there_are_a_dead_outside_is_waited_for_no_longer_than_its_calls_are_many(
    hops: list[dict[str, bool]],
) -> None:
    watch = Watch()
    strangers = Strangers(now=watch)
    for calls in hops:
        began = watch.time
        while strangers.waited_for("ecps", calls, failing=0):
            watch.time += 0.5
            assert watch.time - began < CALL_SECONDS + FAILING_SECONDS

    known = {(call, failed) for calls in hops for call, failed in calls.items()}
    assert watch.time <= len(known) * (CALL_SECONDS + FAILING_SECONDS)
    for calls in hops:
        assert strangers.waited_for("ecps", calls, failing=0) == 0, "what was waited for once is not waited for again"


def test_a_call_that_has_not_failed_is_waited_for_as_long_as_the_outside_may_take() -> None:
    watch = Watch()
    strangers = Strangers(now=watch)

    assert strangers.waited_for("rma", {"a": False}, failing=0) == 1
    watch.time = CALL_SECONDS
    assert strangers.waited_for("rma", {"a": False}, failing=0) == 1
    assert strangers.waited_for("rma", {"a": True}, failing=1) == 1
    watch.time += FAILING_SECONDS + 0.1
    assert strangers.waited_for("rma", {"a": True}, failing=1) == 0
    assert strangers.left() == ["rma has 1 calls to the outside that fail"]


def test_a_simulator_that_is_gone_is_left_until_it_answers_again() -> None:
    watch = Watch()
    strangers = Strangers(now=watch)

    assert not strangers.misses("partner")
    watch.time = GONE_SECONDS + 0.1
    assert strangers.misses("partner")
    assert strangers.left() == ["the partner does not answer"]

    strangers.answered("partner")
    assert strangers.left() == []
    assert not strangers.misses("partner")


def test_where_everything_must_be_done_everything_is_waited_for() -> None:
    watch = Watch()
    strangers = Strangers(endless=True, now=watch)
    for _ in range(2):
        assert strangers.waited_for("ecps", {"a": True, "b": False}, failing=1) == 2
        assert not strangers.misses("partner")
        watch.time += 1000

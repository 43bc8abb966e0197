from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from deploy.local.pulse import Pulse

looks = st.lists(st.tuples(st.floats(0.1, 40), st.booleans()), max_size=60)


@given(looks)
def test_a_process_hangs_when_it_was_silent_so_long_through_so_many_looks_of_a_machine_that_ran(
    looks: list[tuple[float, bool]],
) -> None:
    pulse = Pulse(silence=30, misses=4, stall=15)
    now = 1000.0
    silence: list[float] = []  # when it was asked in vain, since it was last heard or the machine last stood
    began = None
    for pause, answered in looks:
        now += pause
        stood = began is not None and pause > 15
        if answered or stood or began is None:
            silence, began = [], now
        if not (answered or stood):
            silence.append(now)
        expected = now - began if len(silence) >= 4 and now - began >= 30 else None

        assert pulse.hung(now, answered=answered) == expected


def test_a_process_that_stops_answering_is_noticed_within_the_silence_and_two_looks() -> None:
    pulse, now = Pulse(), 0.0
    assert pulse.hung(now, answered=True) is None
    while pulse.hung(now := now + 10, answered=False) is None:  # five seconds between looks, five for an answer
        assert now < 50
    assert now >= 30

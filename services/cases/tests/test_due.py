"""What is due next on a case: kept from escalation's clocks, shown to staff with the clock, to the customer as when we answer."""

from datetime import datetime
from typing import Any, get_args
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from libs.events.escalation import ClockKind
from services.cases.model.due import RunningClock, first_due, kept
from services.cases.tests.builders import CUSTOMER, Clock, at, opened, shown
from tests.support.harness import Harness

KINDS = get_args(ClockKind)


def instant(said: str | None) -> datetime | None:
    return None if said is None else datetime.fromisoformat(said)


async def due(h: Harness, case_id: UUID) -> tuple[Any, ...]:
    """What staff see (when, by which clock) and when we answer."""
    case = await shown(h, case_id)
    next_due = case["next_due"] or {"at": None, "clock": None}
    return instant(next_due["at"]), next_due["clock"], instant(case["answer_by"])


async def test_a_case_shows_what_is_due_first_and_when_we_answer(cases: Harness) -> None:
    case_id = await opened(cases)
    response, update, resolution = (Clock(case_id, kind) for kind in KINDS)
    assert await due(cases, case_id) == (None, None, None)

    await cases.deliver(resolution.started(at(240)), response.started(at(15)))
    assert await due(cases, case_id) == (at(15), "first_response", at(15))
    await cases.deliver(response.met(), update.started(at(60)))
    assert await due(cases, case_id) == (at(60), "update", at(60))
    await cases.deliver(update.started(at(300)))
    assert await due(cases, case_id) == (at(240), "resolution", at(300))


async def test_a_clock_that_rests_is_not_due_until_it_goes_on(cases: Harness) -> None:
    case_id = await opened(cases)
    resolution = Clock(case_id, "resolution")
    await cases.deliver(resolution.started(at(240)), resolution.paused())
    assert await due(cases, case_id) == (None, None, None)

    await cases.deliver(resolution.resumed(at(300)))
    assert await due(cases, case_id) == (at(300), "resolution", None)
    await cases.deliver(resolution.stopped())
    assert await due(cases, case_id) == (None, None, None)


async def test_the_end_of_a_clock_leaves_the_one_that_followed_it(cases: Harness) -> None:
    case_id = await opened(cases)
    first, second = Clock(case_id, "update"), Clock(case_id, "update")
    await cases.deliver(first.started(at(60)), second.started(at(120)), first.met())
    assert await due(cases, case_id) == (at(120), "update", at(120))


async def test_a_clock_that_is_taken_up_again_is_due_again(cases: Harness) -> None:
    """A fact that came late took the resolution back."""
    case_id = await opened(cases)
    resolution = Clock(case_id, "resolution")
    await cases.deliver(resolution.started(at(240)), resolution.met(), resolution.resumed(at(300)))
    assert await due(cases, case_id) == (at(300), "resolution", None)


async def test_the_clocks_of_a_case_that_is_not_here_leave_nothing(cases: Harness) -> None:
    await cases.deliver(Clock(uuid4(), "resolution").started(at(240)))
    assert (await cases.state())["cases"] == []


async def test_a_customer_sees_when_we_answer_and_not_what_is_due_among_ourselves(cases: Harness) -> None:
    case_id = await opened(cases)
    await cases.deliver(Clock(case_id, "resolution").started(at(10)), Clock(case_id, "first_response").started(at(15)))

    for path in (f"/v1/cases/{case_id}", "/v1/cases", "/v1/cases?view=summary"):
        body = (await cases.get(path, **CUSTOMER)).json()
        case = body if "items" not in body else body["items"][0]
        assert (instant(case["answer_by"]), case["next_due"]) == (at(15), None), path
        staff = (await cases.get(path)).json()
        case = staff if "items" not in staff else staff["items"][0]
        assert case["next_due"]["clock"] == "resolution", path


TOLD = st.tuples(st.sampled_from(KINDS), st.integers(0, 2), st.one_of(st.none(), st.integers(0, 99)), st.booleans())
"""A clock's kind, its round, when it is due or that it rests, and whether it ends."""


@given(st.lists(TOLD, max_size=20))
def test_what_is_due_is_the_least_of_what_was_told_last_of_each_kind(told: list[tuple[Any, ...]]) -> None:
    clocks: list[RunningClock] = []
    naive: dict[str, tuple[int, int | None]] = {}
    for kind, round, minutes, ends in told:
        if ends:
            clocks = [each for each in clocks if each.clock_id != UUID(int=10 * KINDS.index(kind) + round)]
            if naive.get(kind, (None,))[0] == round:
                del naive[kind]
        else:
            due_at = None if minutes is None else at(minutes)
            id = UUID(int=10 * KINDS.index(kind) + round)
            clocks = kept(clocks, RunningClock(clock=kind, clock_id=id, due_at=due_at))
            naive[kind] = round, minutes
    running = [minutes for _, minutes in naive.values() if minutes is not None]
    found = first_due(clocks)
    assert (found.at if found else None) == (at(min(running)) if running else None)
    assert len(clocks) == len(naive)

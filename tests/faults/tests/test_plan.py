from __future__ import annotations

from collections import Counter

from tests.faults.disturbances import DISTURBANCES
from tests.faults.plan import CELLS, SIGSTOP, chapters, estimate
from tests.faults.stack import TARGETS


def test_a_thousand_kills_fall_at_least_fifty_times_in_each_cell_and_take_about_an_hour() -> None:
    plan = chapters(7, 1000, TARGETS, DISTURBANCES)

    counted = Counter((a.kind, a.how) for chapter in plan for lane in chapter.lanes.values() for a in lane)

    assert counted.total() == 1000
    assert min(counted[cell] for cell in CELLS) >= 50
    assert 45 * 60 < estimate(plan) < 75 * 60


def test_the_same_seed_is_the_same_plan_and_another_is_another() -> None:
    plans = [chapters(seed, 60, TARGETS, DISTURBANCES) for seed in (7, 7, 8)]

    assert plans[0] == plans[1] != plans[2]


def test_no_process_is_in_two_lanes_and_only_a_frozen_one_is_frozen_for_five_to_sixty_seconds() -> None:
    for chapter in chapters(7, 1000, TARGETS, DISTURBANCES):
        lanes = [{attack.target for attack in lane} for lane in chapter.lanes.values()]
        assert sum(map(len, lanes)) == len(set().union(*lanes))
        for attack in (attack for lane in chapter.lanes.values() for attack in lane):
            assert (5 <= attack.frozen <= 60) if attack.how == SIGSTOP else attack.frozen == 0


def test_every_kind_of_fault_is_in_the_shortest_plan() -> None:
    (chapter,) = chapters(7, len(CELLS), TARGETS, DISTURBANCES)

    assert {(a.kind, a.how) for lane in chapter.lanes.values() for a in lane} == set(CELLS)
    assert {d.what for lane in chapter.disturbances.values() for d in lane} == {
        w for p in DISTURBANCES.values() for w in p
    }

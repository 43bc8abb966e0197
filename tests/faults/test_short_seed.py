from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import matrix
from tests.faults.disturbances import DISTURBANCES
from tests.faults.plan import CELLS, chapters
from tests.faults.run import play
from tests.faults.stack import TARGETS

SEED = 20_261_122


@pytest.mark.promise("C1", "C2", "C3", "C5")
async def test_nothing_is_lost_when_each_kind_of_process_dies_freezes_and_ends_amid_every_other_fault(
    tmp_path: Path,
) -> None:
    (chapter,) = chapters(SEED, len(CELLS), TARGETS, DISTURBANCES, pace=0.2)

    outcome = await play(chapter, tmp_path, print)

    print(matrix.table(outcome.done, outcome.violations))
    assert [str(violation) for violation in outcome.violations] == []
    assert all(cell.times for cell in matrix.cells(outcome.done))
    assert matrix.kills(outcome.done)[1], "not one of them met work in flight"

from __future__ import annotations

from tests.faults.checker import check
from tests.faults.checker.__main__ import report
from tests.faults.checker.tests.conftest import Played
from tests.faults.evidence import Evidence


async def test_a_clean_run_is_proven_from_its_folder_alone(played: Played, postgres_url: str) -> None:
    looks = await check(Evidence.load(played.folder), postgres_url)

    assert [str(violation) for look in looks for violation in look.violations] == []
    assert [look.invariant for look in looks] == [f"I{n}" for n in (*range(1, 15), 18)]
    assert "VIOLATION" not in report(looks)

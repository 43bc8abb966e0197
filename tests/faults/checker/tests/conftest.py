from __future__ import annotations

from collections.abc import AsyncIterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.checker.tests.small_run import SmallRun, play, small_run
from tests.faults.evidence import Evidence


@dataclass
class Played:
    """A run that was played once, and its evidence."""

    run: SmallRun
    evidence: Evidence
    folder: Path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def played(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Played]:
    folder = tmp_path_factory.mktemp("evidence")
    async with small_run(postgres_url, folder) as run:
        await play(run)
        evidence = await run.dump(folder)
        evidence.save(folder)
        yield Played(run, evidence, folder)


@pytest.fixture
def evidence(played: Played) -> Evidence:
    """A copy to be corrupted."""
    return deepcopy(played.evidence)

"""The service on a real PostgreSQL, with an object store of the test's own; whoever of ours calls is Lan, unless a test says who."""

from pathlib import Path

import pytest
import pytest_asyncio

from services.cases.app import service
from services.cases.tests.builders import LAN_ID
from tests.support.harness import Harness, harness_fixture
from tests.support.people import LAN

empty_cases = harness_fixture(service)


@pytest_asyncio.fixture(loop_scope="session")
async def cases(empty_cases: Harness) -> Harness:
    empty_cases.bound = {role: {"person_id": LAN_ID} for role in ("engineer", "manager", "admin")}
    await empty_cases.learn({LAN_ID: LAN})
    return empty_cases


@pytest.fixture(autouse=True)
def _own_objects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLYPLUS_HOME", str(tmp_path))

"""The service on a real PostgreSQL, with an object store of the test's own."""

from pathlib import Path

import pytest

from services.cases.app import service
from tests.support.harness import harness_fixture

cases = harness_fixture(service)


@pytest.fixture(autouse=True)
def _own_objects(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("POLYPLUS_HOME", str(tmp_path))

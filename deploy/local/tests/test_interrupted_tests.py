"""Ctrl-C at the tests: what they started they stop, however long that takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from deploy.local.processes import ROOT
from deploy.local.waiting import until

SHORT = "from xdist.workermanage import NodeManager\n\nNodeManager.EXIT_TIMEOUT = 0.2\n"
"""As short for what is taken down below as ten seconds are for a whole stack."""
RUN = """
import time
from pathlib import Path

import pytest


@pytest.fixture
def stack():
    Path("up").touch()
    yield
    time.sleep(2)
    Path("up").unlink()


def test_that_takes_long(stack):
    time.sleep(60)
"""


def test_a_worker_takes_its_stack_down_before_it_is_ended(tmp_path: Path) -> None:
    (tmp_path / "short.py").write_text(SHORT)
    (tmp_path / "test_run.py").write_text(RUN)
    with (tmp_path / "said").open("w") as said:
        run = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "short", "-p", "conftest", "--numprocesses", "1", "test_run.py"],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
    try:
        until((tmp_path / "up").exists, seconds=60, otherwise="it did not begin")
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(60) == 2, (tmp_path / "said").read_text()
        assert not (tmp_path / "up").exists()
    finally:
        run.kill()

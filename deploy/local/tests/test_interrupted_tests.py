"""The tests' own run: what it says while no test ends; and at Ctrl-C what tests started they stop, however long that takes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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


LONG = """
import time
from pathlib import Path


def test_that_takes_long():
    while not Path("enough").exists():
        time.sleep(0.05)
"""
OFTEN = "from tests.support import progress\n\nprogress.SILENT_SECONDS = 0.1\n"


@contextmanager
def a_run(folder: Path, *, beside: str, tests: str) -> Iterator[subprocess.Popen[bytes]]:
    """The tests in this folder by a worker, after these lines; what it says is in `said`."""
    (folder / "beside.py").write_text(beside)
    (folder / "test_run.py").write_text(tests)
    with (folder / "said").open("w") as said:
        run = subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "beside", "-p", "conftest", "--numprocesses", "1", "test_run.py"],
            cwd=folder, env=os.environ | {"PYTHONPATH": f"{folder}:{ROOT}"}, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield run
    finally:
        run.kill()


def test_a_worker_takes_its_stack_down_before_it_is_ended(tmp_path: Path) -> None:
    with a_run(tmp_path, beside=SHORT, tests=RUN) as run:
        until((tmp_path / "up").exists, seconds=60, otherwise="it did not begin")
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(60) == 2, (tmp_path / "said").read_text()
        assert not (tmp_path / "up").exists()


def test_while_no_test_ends_it_is_said_which_are_at_work(tmp_path: Path) -> None:
    with a_run(tmp_path, beside=OFTEN, tests=LONG) as run:
        at_work = re.compile(
            r"^poly\+: \d+ s: 0 of 1 tests done, now at test_run.py::test_that_takes_long for ", re.MULTILINE
        )
        until(
            lambda: at_work.search((tmp_path / "said").read_text()) is not None, seconds=60, otherwise="it says nothing"
        )
        (tmp_path / "enough").touch()
        assert run.wait(60) == 0
        assert "poly+: 1 workers read the tests" in (tmp_path / "said").read_text()

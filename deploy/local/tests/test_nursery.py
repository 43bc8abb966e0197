from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from deploy.local.errors import CannotRun
from deploy.local.nursery import CAN_FORK
from deploy.local.processes import Child, Processes
from deploy.local.tests.supervised import a_supervisor, all_gone
from deploy.local.waiting import until

PROGRAM = (sys.executable, "-m", "deploy.local.tests.program")
PRELOADED = "colorsys"  # that nothing else here imports


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    running = Processes(tmp_path / "run", tmp_path / "logs", preload=[PRELOADED])
    yield running
    running.stop_all()


def a_program(processes: Processes, name: str, *arguments: str) -> Child:
    child = processes.start(name, [*PROGRAM, *arguments], env={"POLYPLUS_GIVEN": name}, wave=1, grace=5)
    until(lambda: "ready" in child.last_words(), seconds=20, otherwise="it never got ready")
    return child


def test_each_module_has_its_own_environment_arguments_and_log_and_what_was_imported_for_all(
    processes: Processes,
) -> None:
    one, other = a_program(processes, "one", "stay"), a_program(processes, "other", "stay", "longer")

    assert one.last_words() == f"{CAN_FORK} {{'POLYPLUS_GIVEN': 'one'}} ['stay'] ready"
    assert other.last_words() == f"{CAN_FORK} {{'POLYPLUS_GIVEN': 'other'}} ['stay', 'longer'] ready"


def test_ps_shows_what_each_module_is(processes: Processes) -> None:
    one, other = a_program(processes, "one", "stay"), a_program(processes, "other", "stay", "longer")
    pids = f"{one.started.pid},{other.started.pid}"

    shown = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", pids],
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
        capture_output=True,
        check=True,
    ).stdout.decode()

    assert shown.splitlines() == [" ".join([*PROGRAM, "stay"]), " ".join([*PROGRAM, "stay", "longer"])]


def test_how_a_module_ended_is_known(processes: Processes) -> None:
    left, stopped = a_program(processes, "left", "exit", "3"), a_program(processes, "stopped", "stay")
    assert left.popen.wait() == 3
    assert stopped.exit_code() is None

    processes.stop(stopped)

    assert stopped.exit_code() == -signal.SIGTERM


def test_when_the_nursery_dies_so_does_what_it_forked_and_the_next_one_serves(processes: Processes) -> None:
    child = a_program(processes, "one", "stay")

    processes.warm().kill()

    until(lambda: child.exit_code() is not None or not CAN_FORK, seconds=20, otherwise="it outlived its nursery")
    assert a_program(processes, "one", "stay").exit_code() is None


def test_a_program_that_was_given_up_is_not_taken_for_the_next_one(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not CAN_FORK:
        return  # each is started by itself
    a_program(processes, "early", "stay")
    hung = psutil.Process(processes.warm().pid)
    hung.suspend()
    with monkeypatch.context() as hurried:
        hurried.setattr("deploy.local.nursery._READY_SECONDS", 0.5)
        with pytest.raises(CannotRun, match="was not started within"):
            processes.start("late", [*PROGRAM, "stay"], env={"POLYPLUS_GIVEN": "late"}, wave=1)
    with contextlib.suppress(psutil.NoSuchProcess):
        hung.resume()

    other = a_program(processes, "other", "stay")

    logs = {Path(file.path).name for file in psutil.Process(other.started.pid).open_files()}
    assert logs == {"other.log"}
    assert (other.log.parent / "late.log").read_text() == ""


@pytest.mark.parametrize("programs", [0, 1])
def test_a_nursery_that_hangs_does_not_keep_the_stack_from_ending(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, programs: int
) -> None:
    pids = [a_program(processes, f"program{number}", "stay").started.pid for number in range(programs)]
    hung = psutil.Process(processes.warm().pid)
    hung.suspend()
    monkeypatch.setattr("deploy.local.nursery._PATIENCE_SECONDS", 0.5)

    end = threading.Thread(target=processes.stop_all, daemon=True)
    end.start()
    end.join(20)
    ended = not end.is_alive()
    with contextlib.suppress(psutil.NoSuchProcess):
        hung.resume()

    assert ended
    assert all_gone([*pids, hung.pid])


def test_a_supervisor_killed_by_sigkill_leaves_no_module_running(tmp_path: Path) -> None:
    with a_supervisor("modules", tmp_path) as (supervisor, pids):
        assert len(pids) == 2
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()

        until(lambda: all_gone(pids), seconds=60, otherwise=f"{pids} outlived their supervisor")

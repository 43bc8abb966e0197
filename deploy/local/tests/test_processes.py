from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import psutil
import pytest

from deploy.local.files import write_whole
from deploy.local.log_files import bound
from deploy.local.processes import Child, Processes, stop_leftovers
from deploy.local.tests.supervised import PLAIN, STUBBORN, a_supervisor, all_gone
from deploy.local.waiting import until


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    running = Processes(tmp_path / "run", tmp_path / "logs")
    yield running
    running.stop_all()


def a_process(processes: Processes, code: str, *, grace: float = 5) -> Child:
    child = processes.start("one", [sys.executable, "-c", code], env={"POLYPLUS_GIVEN": "1"}, wave=1, grace=grace)
    until(lambda: "ready" in child.last_words(), seconds=20, otherwise="it never got ready")
    return child


def test_a_supervisor_killed_by_sigkill_leaves_nothing_running(tmp_path: Path) -> None:
    with a_supervisor("children", tmp_path) as (supervisor, pids):
        assert len(pids) == 2
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()

        until(lambda: all_gone(pids), seconds=60, otherwise=f"{pids} outlived their supervisor")


def test_a_process_that_will_not_end_is_killed_after_its_grace(processes: Processes) -> None:
    child = a_process(processes, STUBBORN, grace=0.3)

    processes.stop(child)

    assert child.exit_code() == -signal.SIGKILL


def test_a_process_is_given_what_it_needs_and_no_more(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYPLUS_OTHERS_PASSWORD", "secret")

    child = a_process(
        processes, "import os; print(sorted(v for v in os.environ if v.startswith('POLYPLUS')), 'ready', flush=True)"
    )

    assert "['POLYPLUS_GIVEN'] ready" in child.last_words()


def test_the_last_words_of_a_log_of_a_terabyte_are_its_end(processes: Processes) -> None:
    child = a_process(processes, PLAIN)
    os.truncate(child.log, 1 << 40)
    with child.log.open("a") as log:
        log.write("\none\nand another\n")

    assert child.last_words(2) == "one\nand another"


def test_a_log_that_is_too_long_is_emptied_even_where_no_copy_can_be_made(tmp_path: Path) -> None:
    log = tmp_path / "one.log"
    log.write_text("x" * 11)
    bound(log, most=11)
    assert log.read_text() == "x" * 11

    bound(log, most=10)
    assert (log.read_text(), (tmp_path / "one.log.1").read_text()) == ("", "x" * 11)

    log.write_text("y" * 11)
    (tmp_path / "one.log.1.new").mkdir()
    bound(log, most=10)
    assert (log.read_text(), (tmp_path / "one.log.1").read_text()) == ("", "x" * 11)


def keepers() -> set[psutil.Process]:
    """Those of this process; engines that other tests share have theirs."""
    return {one for one in psutil.Process().children() if "deploy.local.keeper" in one.cmdline()}


def test_a_keeper_that_hangs_does_not_keep_the_stack_from_ending(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keepers()
    child = a_process(processes, PLAIN)
    [keeper] = keepers() - before
    keeper.suspend()
    monkeypatch.setattr("deploy.local.processes._KEEPER_SECONDS", 0.5)

    end = threading.Thread(target=processes.stop_all, daemon=True)
    end.start()
    end.join(20)
    ended = not end.is_alive()
    with contextlib.suppress(psutil.NoSuchProcess):
        keeper.resume()

    assert ended
    assert all_gone([child.started.pid, keeper.pid])


def test_leftovers_are_stopped_only_when_the_start_time_is_theirs_too(processes: Processes, tmp_path: Path) -> None:
    child = a_process(processes, PLAIN)
    run = tmp_path / "earlier"
    run.mkdir()
    said: list[str] = []
    record = run / "one.json"

    record.write_text(json.dumps(asdict(replace(child.started, mark="another boot:1"))))
    assert stop_leftovers(run, said.append) == []
    assert child.exit_code() is None

    record.write_text(json.dumps(asdict(child.started)))
    assert stop_leftovers(run, said.append) == ["one"]
    assert child.exit_code() == -signal.SIGTERM
    assert not record.exists()
    assert said == []


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        '{"name": "one", "pid": 0, "mark": null, "wave": 1, "signal": 15, "grace": 1}',
        "\x00" * 90,
    ],
)
def test_a_broken_record_is_stepped_over_with_a_line_and_the_others_are_stopped(
    processes: Processes, tmp_path: Path, broken: str
) -> None:
    child = a_process(processes, PLAIN)
    run = tmp_path / "earlier"
    run.mkdir()
    (run / "broken.json").write_text(broken)
    (run / "one.json").write_text(child.started.write())
    said: list[str] = []

    assert stop_leftovers(run, said.append) == ["one"]

    assert child.exit_code() == -signal.SIGTERM
    assert [line for line in said if "broken.json" in line] == said != []
    assert list(run.iterdir()) == []


def test_a_record_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    record = tmp_path / "one.json"
    write_whole(record, "whole")
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3, most[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_whole(record, "another, longer")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, most)

    assert record.read_text() == "whole"

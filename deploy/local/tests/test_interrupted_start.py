"""A start may be interrupted at any instant, as often as one likes: the next one goes on, and in the end the stack is up."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from deploy.local import environment
from deploy.local.processes import ROOT
from deploy.local.tests.supervised import a_supervisor
from deploy.local.tests.test_stack import lets_its_people_in
from deploy.local.waiting import until

SECONDS = 90
Reached = Callable[[Path], bool]


def found(pattern: str) -> Reached:
    return lambda home: any(home.glob(pattern))


def logged(file: str, text: str) -> Reached:
    return lambda home: text in (home / "logs" / file).read_text() if (home / "logs" / file).exists() else False


STEPS: dict[str, Reached] = {
    "the credentials are written": found("env"),
    "initdb has made its first files": found("postgres*/**/PG_VERSION"),
    "initdb has filled template1": found("postgres*/**/base/1/PG_VERSION"),
    "formatting has written something": found("kafka/data*/**/meta.properties"),
    "PostgreSQL has begun": found("postgres/postmaster.pid"),
    "a database was made": lambda home: len([*home.glob("postgres/base/*")]) > 3,
    "topics are made": found("kafka/data/*.events-0"),
    "migrating has begun": logged("migrate.log", "migrating"),
}


@contextmanager
def a_start(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A start of a small stack in a process of its own, which may be ended at any time."""
    command = [sys.executable, "-m", "deploy.local.tests.supervised", "activity", str(home)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, text=True, start_new_session=True
    ) as starting:
        try:
            yield starting
        finally:
            if starting.poll() is None:
                os.killpg(starting.pid, signal.SIGKILL)


def interrupted(home: Path, reached: Callable[[], bool], signum: int) -> None:
    """Starts, and sends the signal to the start's process group, as a terminal would, once so far."""
    with a_start(home) as starting:
        until(lambda: reached() or starting.poll() is not None, seconds=SECONDS, otherwise="it got nowhere")
        if starting.poll() is None:
            os.killpg(starting.pid, signum)
            starting.wait(SECONDS)


def comes_up(home: Path) -> None:
    with a_supervisor("activity", home) as (supervisor, pids):
        assert len(pids) == 3
        asyncio.run(lets_its_people_in(environment.read(home)))
        supervisor.send_signal(signal.SIGINT)
        supervisor.wait(SECONDS)


def test_a_start_interrupted_at_every_step_goes_on_and_comes_up(tmp_path: Path) -> None:
    for reached, signum in zip(STEPS.values(), cycle([signal.SIGKILL, signal.SIGINT]), strict=False):
        interrupted(tmp_path, lambda: reached(tmp_path), signum)  # noqa: B023

    comes_up(tmp_path)

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.errors import CannotRun
from deploy.local.log_files import MOST_BYTES
from deploy.local.ports import HOST, free_port
from deploy.local.processes import Child, Processes
from deploy.local.pulse import Pulse, speaks
from deploy.local.supervisor import Supervisor, Unit, answers
from deploy.local.tests.supervised import a_supervisor
from deploy.local.waiting import until_async

SERVER = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/readyz" else 404); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


def launch_that_fails() -> Child:
    raise CannotRun("rma ended at once")


class Said(list[str]):
    asked = 0
    """How often the process was asked for a sign of life."""

    def about(self, text: str) -> bool:
        return any(text in line for line in self)


@asynccontextmanager
async def supervised(home: Path, code: str) -> AsyncIterator[tuple[Supervisor, Unit, Said]]:
    processes, said, port = Processes(home / "run", home / "logs"), Said(), free_port()

    def launch() -> Child:
        return processes.start("rma", [sys.executable, "-c", code, str(port)], env={}, wave=1)

    async def ready() -> bool:
        return await answers(f"http://{HOST}:{port}")

    async def alive() -> bool:
        said.asked += 1
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                return await speaks(f"http://{HOST}:{port}")
        return False

    unit = Unit("rma", launch, ready, alive)
    supervisor = Supervisor(processes, said.append, listen_every=0.2, pulse=lambda: Pulse(silence=1, misses=2))
    supervisor.add(unit)
    watch = asyncio.create_task(supervisor.watch())
    try:
        yield supervisor, unit, said
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch
        await asyncio.to_thread(processes.stop_all)


async def test_a_service_whose_log_was_removed_is_started_again_when_it_crashes(tmp_path: Path) -> None:
    async with supervised(tmp_path, SERVER) as (supervisor, unit, said):
        await supervisor.start(["rma"])
        first = unit.child
        assert first is not None
        first.log.unlink()

        await supervisor.kill("rma")
        async with asyncio.timeout(60):
            await supervisor.until_ready("rma")

        assert unit.child is not first
        assert said.about("rma ended (killed by SIGKILL)")


async def test_the_log_of_a_service_that_runs_is_bound(tmp_path: Path) -> None:
    async with supervised(tmp_path, SERVER) as (supervisor, unit, _):
        await supervisor.start(["rma"])
        assert unit.child is not None
        log = unit.child.log
        os.truncate(log, MOST_BYTES + 1)

        await until_async(lambda: log.stat().st_size < MOST_BYTES, seconds=20, otherwise="it is as long as ever")
        await until_async(lambda: b"GET" in log.read_bytes(), seconds=20, otherwise="nothing is written any more")

        assert b"\0" not in log.read_bytes()
        assert log.with_suffix(".log.1").stat().st_size > MOST_BYTES


async def test_a_service_that_crashes_is_started_again(tmp_path: Path) -> None:
    async with supervised(tmp_path, SERVER) as (supervisor, unit, said):
        await supervisor.start(["rma"])
        first = unit.child

        await supervisor.kill("rma")
        await supervisor.until_ready("rma")

        assert unit.child is not first
        assert said.about("rma ended (killed by SIGKILL)")


async def test_a_service_that_hangs_is_killed_and_started_again_and_that_is_said_in_one_line(tmp_path: Path) -> None:
    async with supervised(tmp_path, SERVER) as (supervisor, unit, said):
        await supervisor.start(["rma"])
        assert unit.child is not None
        first, asked = unit.child, said.asked
        await until_async(lambda: said.asked > asked + 1, seconds=20, otherwise="it was never heard")

        first.started.send(signal.SIGSTOP)

        await until_async(lambda: unit.child not in (first, None), seconds=60, otherwise="nobody noticed")
        await supervisor.until_ready("rma")
        assert first.exit_code() == -signal.SIGKILL
        assert len(said) == 1
        assert said.about("rma had not answered for")
        assert said.about("and was killed; starting it again in 0.5 s")


async def test_a_service_that_answers_with_errors_or_closes_connections_does_not_hang(tmp_path: Path) -> None:
    async with supervised(
        tmp_path, SERVER.replace("self.send_response(200 if", "self.path != '/healthz' and self.send_response(200 if")
    ) as (
        supervisor,
        unit,
        said,
    ):
        await supervisor.start(["rma"])
        first = unit.child

        await until_async(
            lambda: said.asked > 15, seconds=60, otherwise="nobody listens"
        )  # three times the silence allowed
        assert unit.child is first
        assert said == []


async def test_a_service_that_was_stopped_stays_down_until_it_is_started(tmp_path: Path) -> None:
    async with supervised(tmp_path, SERVER) as (supervisor, unit, said):
        await supervisor.start(["rma"])
        await supervisor.stop("rma")
        assert not await unit.ready()

        await supervisor.start(["rma"])

        assert await unit.ready()
        assert said == []


async def test_a_service_that_ends_at_once_says_why(tmp_path: Path) -> None:
    async with supervised(tmp_path, "import sys; sys.exit('POLYPLUS_RMA_DATABASE_URL is not set')") as (
        supervisor,
        _,
        _,
    ):
        with pytest.raises(CannotRun, match=r"(?s)rma .*rma\.log.*POLYPLUS_RMA_DATABASE_URL is not set"):
            await supervisor.start(["rma"])


async def test_a_service_that_keeps_crashing_is_given_longer_and_longer_pauses(tmp_path: Path) -> None:
    async with supervised(tmp_path, SERVER) as (supervisor, unit, said):
        await supervisor.start(["rma"])
        unit.launch = launch_that_fails

        await supervisor.kill("rma")

        await until_async(lambda: said.about("in 2 s"), seconds=20, otherwise="it never got to a pause of 2 s")
        assert said.about("in 0.5 s")
        assert said.about("in 1 s")


def test_a_disk_that_is_full_for_a_while_does_not_end_the_supervisor(tmp_path: Path) -> None:
    with a_supervisor("disk", tmp_path) as (supervisor, _):
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        for word in ("full", "kill", "room", "until ready"):
            supervisor.stdin.write(f"{word}\n")
            supervisor.stdin.flush()
            assert supervisor.stdout.readline() == "watching\n", f"after {word!r}"

"""Every command of the runbooks, of the upgrade and of going back is typed as it is written, on a stack that is up."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from contextlib import suppress
from datetime import datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import pytest

from deploy.cli.tests.test_runbooks import PAGES, ROLLOUT, lines_in
from deploy.local.processes import ROOT
from deploy.local.stack import Stack
from deploy.local.supervisor import answers
from libs.bus.batch import OutOfOrder
from libs.bus.dead_letters import park
from libs.bus.envelope import Delivery
from libs.store import Database, Scope

ALL = [*PAGES, *ROLLOUT]
SECONDS = 150
LOOKS = ("lag", "dlq list", "rebuild", "dlq replay", "status")
"""What may end with 1: there is something to look at."""
_offsets = count(10_000_000)
_worked: set[str] = set()
"""The lines that did so far: one that stands on several pages is typed for the first of them."""


@pytest.mark.parametrize("page", ALL, ids=lambda page: page.stem)
async def test_every_command_of_a_page_works_as_it_is_written(stack: Stack, page: Path) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / ".polyplus").symlink_to(stack.home)
        for line in lines_in(page):
            if line not in _worked:
                await _prepare(stack, line)
                await _type(stack, Path(folder), line)
                _worked.add(line)


@pytest.mark.parametrize("page", [page for page in ALL if lines_in(page, "sql")], ids=lambda page: page.stem)
async def test_every_query_of_a_runbook_is_one_that_psql_takes(stack: Stack, page: Path) -> None:
    queries = [each.strip() for each in " ".join(lines_in(page, "sql")).split(";") if each.strip()]
    for query in queries:
        service = "ecps" if "engagement" in query else "rma"
        ended, said = await _run(stack, ROOT, f"polyplus psql {service} -c {_quoted(query)}")
        assert ended == 0, f"{query}: {said}"


async def _type(stack: Stack, folder: Path, line: str) -> None:
    words = line.removeprefix("polyplus ")
    if words in ("down", "up"):
        # the stack belongs to all journeys: `down` is typed where nothing runs, `up` where it says that it does
        home = folder / "empty" if words == "down" else stack.home
        ended, said = await _run(stack, folder, line, POLYPLUS_HOME=str(home))
        assert (ended, "running" in said) == (0 if words == "down" else 2, True), said
    elif words.startswith("tail") or " serve " in line:
        port = re.search(r"URL=(http://\S+)", line)
        await _until_stopped(stack, folder, line, port[1] if port else None)
    else:
        ended, said = await _run(stack, folder, line)
        assert ended == 0 or (ended == 1 and words.startswith(LOOKS)), f"{line}: exit code {ended}\n{said}"
        assert "Traceback" not in said


async def _prepare(stack: Stack, line: str) -> None:
    """A dead letter for what is about to be looked at, replayed, taken or given up."""
    found = re.search(r"dlq (show|replay|accept|discard) (?:(\S{36}) )?.*--service (\w+)", line)
    if not found:
        return
    service, key = found[3], UUID(found[2]) if found[2] else uuid4()
    database = await Database.connect(stack.env[f"POLYPLUS_{service.upper()}_DATABASE_URL"], size=1)
    poison = Delivery(
        topic="cases.events", partition=0, offset=next(_offsets), key=key, event_id=uuid4(), type="polyplus.cases.severity-changed.v1",
        subject=key, version=3, time=(await _now(database)), actor="engineer:1", account_id=None, causation_id=None, traceparent=None,
        data=b'{"case_id": "not an id"}',
    )  # fmt: skip
    try:
        async with database.transaction(Scope.system(service)) as tx:
            parked = await tx.connection.fetchval("SELECT count(*) FROM parked_keys WHERE key = $1", key)
            if not parked:
                late = service == "activity"  # which parks nothing else
                await park(
                    tx, service, poison, OutOfOrder("a passed version") if late else ValueError(), out_of_order=late
                )
    finally:
        await database.close()


async def _now(database: Database) -> datetime:
    async with database.pool.acquire() as connection:
        now: datetime = await connection.fetchval("SELECT app_now()")
    return now


async def _run(stack: Stack, folder: Path, line: str, **environ: str) -> tuple[int | None, str]:
    process = await _start(stack, folder, line, **environ)
    said = await _to_the_end(process)
    return process.returncode, said


async def _until_stopped(stack: Stack, folder: Path, line: str, url: str | None) -> None:
    """It goes on until it is told to end, and ends well: a worker once it is ready, a stream after it has stayed."""
    process = await _start(stack, folder, line)
    try:
        async with asyncio.timeout(SECONDS):
            if url:
                while not await answers(url):
                    assert process.returncode is None, f"{line} ended"
                    await asyncio.sleep(0.1)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 3)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        said = await _to_the_end(process)
    assert process.returncode in (0, -signal.SIGINT, 130), f"{line}: {said}"
    assert "Traceback" not in said


async def _to_the_end(process: asyncio.subprocess.Process) -> str:
    """What it says. One that does not end, or that nobody waits for any more, is ended: Ctrl-C does not reach its session."""
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    return said.decode()


async def _start(stack: Stack, folder: Path, line: str, **environ: str) -> asyncio.subprocess.Process:
    told = {name: value for name, value in os.environ.items() if not name.startswith("POLYPLUS_")}
    told |= {"PATH": f"{ROOT}:{os.environ['PATH']}", "POLYPLUS_HOME": str(stack.home), **environ}
    return await asyncio.create_subprocess_exec(
        "bash", "-o", "pipefail", "-c", line, cwd=folder, env=told, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"

"""The stream as an operator hears it: a real gateway over a real activity."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest_asyncio

from deploy.cli.tests.conftest import Cli
from deploy.local.processes import ROOT
from services.gateway.identity import secrets
from services.gateway.tests.conftest import activity, alone, gateway, live, stage, standing
from services.gateway.tests.ears import CASE_OPENED, PUBLIC, an_event
from services.gateway.tests.live import Live

__all__ = ["activity", "alone", "gateway", "live", "stage", "standing"]
Begin = Callable[..., Awaitable["Tailing"]]


class Tailing:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout
        async with asyncio.timeout(30):
            return (await self.process.stdout.readline()).decode()

    async def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await self.line())
        return found

    async def complains(self, of: str) -> None:
        """Reads on until it does; how the stream is fed may be said before."""
        assert self.process.stderr
        async with asyncio.timeout(30):
            while of not in (line := (await self.process.stderr.readline()).decode()):
                assert line, f"it ended and did not complain that {of}"


@pytest_asyncio.fixture(loop_scope="session")
async def tailing() -> AsyncIterator[Callable[..., Awaitable[Tailing]]]:
    """Starts `polyplus tail` in a process of its own; all end with the test."""
    begun: list[asyncio.subprocess.Process] = []

    async def begin(home: Path, *arguments: str) -> Tailing:
        command = (sys.executable, "-m", "deploy.cli", "tail", "--home", str(home), *arguments)
        pipe = asyncio.subprocess.PIPE
        begun.append(await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe))
        return Tailing(begun[-1])

    yield begin
    for process in begun:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def log_in(live: Live, polyplus: Cli, url: str) -> None:
    id = await live.stage.make("ops")
    async with live.stage.gateway.transaction() as tx:
        await tx.connection.execute(
            "UPDATE clients SET secret_hash = $2 WHERE id = $1", id, await secrets.hashed("s3cret")
        )
    polyplus.knows(
        GATEWAY_URL=url, CLIENT_OPS_ID=str(id), CLIENT_OPS_SECRET="s3cret", GATEWAY_DATABASE_URL="postgres://unused"
    )


async def test_what_is_asked_for_is_heard_once_through_a_restart_of_the_gateway_and_ctrl_c_is_no_error(
    live: Live, polyplus: Cli, tailing: Begin
) -> None:
    case = uuid4()
    first, other, second, third = (
        an_event(CASE_OPENED, case_id=case), an_event(CASE_OPENED), an_event(PUBLIC, case_id=case), an_event(case_id=case),
    )  # fmt: skip
    async with live.stage.door() as door:
        url, port = door.url, int(door.url.rpartition(":")[2])
        await log_in(live, polyplus, url)
        await live.activity.deliver(first)
        asked = ("--case", str(case), "--type", "cases.", "--type", PUBLIC, "--after", "0", "--json")
        tail = await tailing(polyplus.home, *asked)
        heard = await tail.event()
        assert (heard["id"], heard["type"], heard["place"]) == (str(first.event_id), CASE_OPENED, "1")
    await tail.complains("the stream broke off")
    await live.activity.deliver(other, second)
    async with live.stage.door(port=port):
        assert (await tail.event())["id"] == str(second.event_id)
        await live.activity.deliver(third)
        assert (await tail.event())["id"] == str(third.event_id)
        tail.process.send_signal(signal.SIGINT)
        out, err = await tail.process.communicate()
    assert (tail.process.returncode, out) == (0, b"")
    assert b"Traceback" not in err


async def test_a_line_for_people_says_when_what_about_whom_by_whom(live: Live, polyplus: Cli, tailing: Begin) -> None:
    await log_in(live, polyplus, live.url)
    event = an_event(tracking="VN 1")
    await live.activity.deliver(event)
    tail = await tailing(polyplus.home, "--after", "0")
    time, type, about, actor, facts = (await tail.line()).split(maxsplit=4)
    assert time == f"{event.time:%Y-%m-%dT%H:%M:%S}"
    assert (f"polyplus.{type}", about, actor) == (PUBLIC, str(event.key), "system:test")
    assert json.loads(facts) == {"tracking": "VN 1"}


async def test_nobody_there_and_a_refusal_are_said_in_one_line(live: Live, polyplus: Cli) -> None:
    polyplus.knows(RMA_DATABASE_URL="postgres://unused")
    assert (
        "POLYPLUS_GATEWAY_URL, POLYPLUS_CLIENT_OPS_ID, POLYPLUS_CLIENT_OPS_SECRET not set"
        in (await polyplus("tail")).err
    )
    await log_in(live, polyplus, "http://127.0.0.1:9")
    away = await polyplus("tail")
    assert (away.code, away.err.count("\n")) == (2, 1)
    assert away.err.startswith("poly+: the gateway at http://127.0.0.1:9 does not let anybody listen: ")
    polyplus.knows(GATEWAY_URL=live.url, CLIENT_OPS_ID="nobody", CLIENT_OPS_SECRET="s3cret", RMA_DATABASE_URL="-")
    refused = await polyplus("tail")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert refused.err.startswith("poly+: the gateway refuses (401)")
    assert (await polyplus("tail", "--case", "CASE-2026-000001")).code == 2

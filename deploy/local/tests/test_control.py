"""A part is started anew because somebody else asked: the supervisor does it, and tells when it is ready."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local import lock
from deploy.local.control import Control, restart
from deploy.local.errors import CannotRun
from deploy.local.supervisor import Unit
from deploy.local.tests.test_supervisor import SERVER, Said, supervised
from deploy.local.waiting import until_async


@asynccontextmanager
async def controlled(home: Path, code: str) -> AsyncIterator[tuple[Unit, Said]]:
    async with supervised(home, code) as (supervisor, unit, said):
        with lock.take(home):
            control = asyncio.create_task(Control(home, supervisor, said.append).run())
            await supervisor.start(["rma"])
            try:
                yield unit, said
            finally:
                control.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await control


async def test_a_service_is_started_anew_and_ready_when_it_is_said(tmp_path: Path) -> None:
    async with controlled(tmp_path, SERVER) as (unit, said):
        assert unit.child is not None
        before = unit.child.started.pid
        seconds = await asyncio.to_thread(restart, tmp_path, "rma")
        assert unit.child.started.pid != before
        assert await unit.ready()
        assert 0 <= seconds < 90
        assert said.about("starting rma anew, as asked")
        assert not any((tmp_path / "run" / "restart").iterdir())


async def test_what_is_not_there_cannot_be_started_anew(tmp_path: Path) -> None:
    async with controlled(tmp_path, SERVER) as (_, _said):
        with pytest.raises(CannotRun, match="'nope'"):
            await asyncio.to_thread(restart, tmp_path, "nope")


async def test_one_who_asks_no_more_and_one_who_cannot_be_told_leave_the_next_one_served(tmp_path: Path) -> None:
    async with controlled(tmp_path, SERVER) as (_, said):
        folder = tmp_path / "run" / "restart"
        # With no await between them all are there at the next look.
        for age, name in enumerate(("untold", "withdrawn", "rubbish")):
            (folder / f"{name}.asked").write_bytes(b"\xff" if name == "rubbish" else b"rma")
            os.utime(folder / f"{name}.asked", (age, age))
        (folder / "untold.new").mkdir()  # where the answer would be written first
        await until_async(lambda: said.about("starting rma anew"), seconds=20, otherwise="nobody looked")
        (folder / "withdrawn.asked").unlink()

        async with asyncio.timeout(60):
            await asyncio.to_thread(restart, tmp_path, "rma")

        assert said.about("untold.new")
        assert not list(folder.glob("*.asked"))


async def test_what_is_asked_while_the_stack_comes_up_is_done_once_it_is_up(tmp_path: Path) -> None:
    async with supervised(tmp_path, SERVER) as (supervisor, _, said):
        with lock.take(tmp_path):
            asker = asyncio.create_task(asyncio.to_thread(restart, tmp_path, "rma"))
            folder = tmp_path / "run" / "restart"
            await until_async(lambda: bool([*folder.glob("*.asked")]), seconds=20, otherwise="nothing was asked")
            await supervisor.start(["rma"])
            control = asyncio.create_task(Control(tmp_path, supervisor, said.append).run())
            await asyncio.wait([asker], timeout=30)
            control.cancel()
        assert await asker >= 0


def test_without_a_supervisor_nobody_starts_anything(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="nothing supervises"):
        restart(tmp_path, "rma")

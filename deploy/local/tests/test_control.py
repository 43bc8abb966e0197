"""A part is started anew because somebody else asked: the supervisor does it, and tells when it is ready."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local import lock
from deploy.local.control import Control, restart
from deploy.local.errors import CannotRun
from deploy.local.supervisor import Unit
from deploy.local.tests.test_supervisor import SERVER, Said, supervised


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


def test_without_a_supervisor_nobody_starts_anything(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="nothing supervises"):
        restart(tmp_path, "rma")

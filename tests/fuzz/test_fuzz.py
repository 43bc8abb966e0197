"""A tenth of all routes and roles (SEED names another one): nobody halts, nothing is buried, no answer is a surprise."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local import demo
from deploy.local.stack import Stack
from tests.fuzz.pairs import Route, slice_of
from tests.fuzz.run import fuzz
from tests.support.ports import free_ports

log = logging.getLogger("fuzz")
logging.getLogger("httpx").setLevel(logging.WARNING)
_SECONDS = 60.0
_SHOTS = 3


async def test_no_caller_of_any_role_breaks_anything_by_what_it_sends() -> None:
    seed = int(os.environ.get("SEED") or 1)

    def chosen(routes: list[Route]) -> Iterator[tuple[Route, int]]:
        end = time.monotonic() + _SECONDS
        for route in slice_of(routes, seed):
            if time.monotonic() > end:
                log.warning("not all of the slice in %s s on this machine", _SECONDS)
                return
            yield route, seed

    with TemporaryDirectory(prefix="polyplus-fuzz-", ignore_cleanup_errors=True) as home:
        async with Stack(Path(home), environ=free_ports(), say=log.info) as stack:
            await demo.load(stack.env, log.info)
            report = await fuzz(stack, chosen, shots=_SHOTS, say=log.info)
    assert not report.findings, report
    assert not report.seen, report

"""`make fuzz`: every route as every role, again and again for MINUTES (30), from SEED, on a stack of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import secrets
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local import demo
from deploy.local.stack import Stack
from tests.fuzz.pairs import Route
from tests.fuzz.run import Report, fuzz
from tests.support.ports import free_ports

_SHOTS = 5


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("MINUTES") or 30))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or 0) or secrets.randbelow(10**6))
    arguments = parser.parse_args()
    _say(f"SEED={arguments.seed}")
    try:
        report = asyncio.run(_fuzz(arguments.minutes, arguments.seed))
    except KeyboardInterrupt:
        return 130
    _say(str(report))
    return 1 if report.findings or report.seen else 0


async def _fuzz(minutes: float, seed: int) -> Report:
    with TemporaryDirectory(prefix="polyplus-fuzz-", ignore_cleanup_errors=True) as home:
        async with Stack(Path(home), environ=free_ports(), say=_say) as stack:
            await demo.load(stack.env, _say)
            return await fuzz(stack, lambda routes: _for(minutes, routes, seed), shots=_SHOTS, say=_say)


def _for(minutes: float, routes: list[Route], seed: int) -> Iterator[tuple[Route, int]]:
    """All of them at least once, in an order of the seed's, and again with other requests while there is time."""
    end, mixed = time.monotonic() + minutes * 60, random.Random(seed)
    for turn in count(seed):
        for route in mixed.sample(routes, len(routes)):
            if turn > seed and time.monotonic() >= end:
                return
            yield route, turn


if __name__ == "__main__":
    raise SystemExit(main())

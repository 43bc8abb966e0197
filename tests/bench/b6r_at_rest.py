"""B6r: what the whole of Poly+ takes of one core while nobody asks for anything, engines included."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.sandbox import sandbox
from deploy.local.stack import Stack
from tests.bench.b8_memory import everything
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines

AT_REST = "services, simulators and engines"
_TICKS = os.sysconf("SC_CLK_TCK")


def tree() -> dict[int, list[int]]:
    """The children of every process there is."""
    found: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(_fields(entry)[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        found[parent].append(int(entry.parent.name))
    return found


def processor_seconds(root: int, children: dict[int, list[int]]) -> float:
    """Of this process and all below it, of those that have ended too."""
    try:
        user, system, ended_user, ended_system = map(int, _fields(Path(f"/proc/{root}/stat"))[11:15])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # its parent has it among the ended
    below = sum(processor_seconds(child, children) for child in children.get(root, ()))
    return (user + system + ended_user + ended_system) / _TICKS + below


def _fields(stat: Path) -> list[str]:
    """From the state on: the name before it may hold anything."""
    return stat.read_text().rpartition(")")[2].split()


def taken(stack: Stack) -> dict[str, float]:
    """Seconds by process. Those that are forked from the nursery count for themselves, and not in it again."""
    children = tree()
    roots = {child.name: child.popen.pid for child in stack.children()}
    if (nursery := stack.nursery_pid()) is not None:
        roots["nursery"] = nursery
    for parent in children:
        children[parent] = [child for child in children[parent] if child not in roots.values()]
    return {name: processor_seconds(pid, children) for name, pid in roots.items()}


@asynccontextmanager
async def at_rest(engines: Engines) -> AsyncIterator[Measure]:
    async with everything(engines) as stack:

        async def measure(seconds: float) -> float:
            """Per cent of one core."""
            async with sandbox(stack.env) as box:
                await box.quiet()
            began, before = time.monotonic(), taken(stack)
            await asyncio.sleep(seconds)
            took, after = time.monotonic() - began, taken(stack)
            shares = {name: (after[name] - before.get(name, 0.0)) / took * 100 for name in after}
            by_size = sorted(shares.items(), key=lambda pair: -pair[1])
            engines.notes["% by process"] = ", ".join(f"{name} {share:.1f}" for name, share in by_size)
            return sum(shares.values())

        yield measure


BENCH = Bench(
    "B6r",
    "the whole stack at rest, demo data loaded, everything on one machine (% of one core)",
    "%",
    [Variant(AT_REST, "ours", at_rest)],
    [Bar(AT_REST, None, 25, 12, "processor time of the whole stack at rest, of one core", less_is_better=True)],
)

"""B8: what the whole of Poly+ takes at rest, in proportional set size: a page that n processes share counts 1/n for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local import demo
from deploy.local.sandbox import sandbox
from deploy.local.stack import Stack
from tests.bench.bench import Bar, Bench, Measure, Variant
from tests.bench.engines import Engines
from tests.bench.shared import Shared
from tests.support.ports import free_ports

ALL, LARGEST = "all services and simulators", "the largest of them"
_ENGINES = {"postgres", "kafka"}


def pss(pid: int) -> float:
    """MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:"))


def taken(stack: Stack) -> Mapping[str, float]:
    """By process; `nursery` is the one that they are forked from."""
    found = {child.name: pss(child.popen.pid) for child in stack.children() if child.name not in _ENGINES}
    if (nursery := stack.nursery_pid()) is not None:
        found["nursery"] = pss(nursery)
    return found


@asynccontextmanager
async def everything(engines: Engines) -> AsyncIterator[Stack]:
    async with Stack(engines.home / "stack", environ=free_ports(), say=lambda _: None) as stack:
        await demo.load(stack.env, lambda _: None)
        yield stack


_stack = Shared(everything)


@asynccontextmanager
async def all_together(engines: Engines) -> AsyncIterator[Measure]:
    async with _stack.of(engines) as stack:

        async def measure(_: float) -> float:
            async with sandbox(stack.env) as box:
                await box.quiet()
            found = taken(stack)
            by_size = sorted(found.items(), key=lambda pair: -pair[1])
            engines.notes["MiB by process"] = ", ".join(f"{name} {mib:.0f}" for name, mib in by_size)
            return sum(found.values())

        yield measure


@asynccontextmanager
async def largest(engines: Engines) -> AsyncIterator[Measure]:
    async with _stack.of(engines) as stack:

        async def measure(_: float) -> float:
            return max(taken(stack).values())

        yield measure


BENCH = Bench(
    "B8",
    "memory at rest, demo data loaded, everything on one machine (PSS)",
    "MiB",
    [Variant(ALL, "ours", all_together), Variant(LARGEST, "ours", largest)],
    [
        Bar(LARGEST, None, 100, 80, "PSS of a process", less_is_better=True),
        Bar(ALL, None, 1600, 800, "PSS of all together", less_is_better=True),
    ],
)

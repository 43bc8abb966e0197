"""One fuzz: a stack's door under fire, its consumers watched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
import schemathesis

from deploy.local.stack import Stack
from deploy.local.waiting import until_async
from tests.fuzz.callers import hire, known_ids
from tests.fuzz.pairs import CALLERS, Route, all_routes
from tests.fuzz.shots import Aim, Finding
from tests.fuzz.watch import watching

_TOLD_SECONDS = 30.0
_PATIENCE_SECONDS = 60.0
Choose = Callable[[list[Route]], Iterable[tuple[Route, int]]]
"""Which routes to fire at, and with which seed."""


@dataclass
class Report:
    """What was tried and what was found."""

    pairs: int = 0
    findings: list[Finding] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    most: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        kinds: dict[str, Finding] = {}
        for each in self.findings:
            kinds.setdefault(f"{each.label.partition(' as ')[0]} {each.what[:60]}", each)
        largest = sorted(self.most.items(), key=lambda pair: -pair[1])[:3]
        lines = [f"{self.pairs} pairs of route and role, {len(self.findings)} findings of {len(kinds)} kinds"]
        lines += [f"most memory: {', '.join(f'{name} {mib:.0f} MiB' for name, mib in largest)}"]
        return "\n".join([*lines, *sorted(self.seen), *map(str, kinds.values())])


async def _document(url: str, http: httpx.AsyncClient) -> dict[str, Any]:
    """The merged document, once every service has described itself."""
    found: dict[str, Any] = {}

    async def whole() -> bool:
        nonlocal found
        found = (await http.get(f"{url}/openapi.json")).raise_for_status().json()
        return "x-unavailable" not in found

    await until_async(whole, seconds=_PATIENCE_SECONDS, otherwise="not every service describes itself")
    return found


async def fuzz(stack: Stack, choose: Choose, *, shots: int, say: Callable[[str], None]) -> Report:
    """Fires at each route that `choose` takes, as every caller, and waits until what that began has been worked."""
    report = Report()
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        callers = await hire(stack.env, http)
        document = await _document(callers.url, http)
        known = await known_ids(document, callers, http)
    routes = all_routes(schemathesis.openapi.from_dict(document))
    say(f"{len(routes)} routes as {len(CALLERS)} callers; ids of {len(known)} resources are known")
    with httpx.Client(timeout=30, trust_env=False) as http_of_shots:
        aim = Aim(callers, known, http_of_shots)
        async with watching(stack) as watch:
            told = time.monotonic()
            for route, seed in choose(routes):
                report.findings += await asyncio.to_thread(aim.fire, route, shots=shots, seed=seed)
                report.pairs += len(CALLERS)
                if time.monotonic() - told > _TOLD_SECONDS:
                    told = time.monotonic()
                    say(f"{report.pairs} pairs, {len(report.findings)} findings; the last: {route.label}")
            await watch.end()
        report.seen, report.most = watch.seen, watch.most
    return report

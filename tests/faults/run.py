"""One chapter: a stack brought up, worked by people, broken as planned, healed, and proven to have lost nothing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from deploy.local.errors import CannotRun
from deploy.local.sandbox import Sandbox, sandbox
from tests.faults import audit
from tests.faults.checker import Violation, check
from tests.faults.checker.__main__ import report
from tests.faults.collect import collect
from tests.faults.disturbances import REBUILD, Disturber
from tests.faults.evidence import owner_urls
from tests.faults.faults import Attacker, Done
from tests.faults.history import FAULTS_OVER, QUIET, History
from tests.faults.in_flight import InFlight
from tests.faults.load import UNKNOWN, Load
from tests.faults.plan import Chapter
from tests.faults.sampler import sample
from tests.faults.stack import FaultStack
from tests.faults.targets import API, WORKER
from tests.faults.witness import WITNESS

QUIET_SECONDS = 180.0  # the checker has a bound of its own (I12); this one only ends a run that never becomes quiet
_TELLING_SECONDS = 120.0  # how long every kind of story may take to be told once, before anything breaks and afterwards
_READING = timedelta(seconds=20)  # more than the evidence takes to be read
_LATER = timedelta(hours=3)  # timers that ran meanwhile come due; hops of days are the journeys' business
Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a chapter did and found."""

    done: list[Done] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    quiet_after: float | None = None
    checked: str = ""


async def run(chapter: Chapter, stack: FaultStack, evidence: Path, say: Say) -> Outcome:
    """The stack is up; when this returns its services are frozen. The evidence stays in its folder."""
    outcome = Outcome()
    for service, url in owner_urls(stack.env).items():
        await audit.install(service, url)

    def note(done: Done) -> None:
        outcome.done.append(done)
        hit = done.interrupted or "nothing in flight"
        say(f"   {len(outcome.done):4}  {done.what:<32} {done.where:<24} {done.seconds:5.1f} s  {done.trouble or hit}")

    timeout = httpx.Timeout(20, connect=5)
    async with httpx.AsyncClient(base_url=stack.env["POLYPLUS_GATEWAY_URL"], timeout=timeout, trust_env=False) as http:
        with History(evidence, "load") as history, History(evidence, "faults") as faults:
            load = Load(stack.env, stack.ids, http, history, chapter.seed)
            await load.prepare()
            async with _sampled(stack, evidence), load.listening():
                disturber = Disturber(stack, faults, chapter.seed, note)
                await _through_it_all(chapter, stack, load, faults, disturber, note)
                await _settle(stack, disturber, faults, outcome)
            outcome.told = load.told
        unknown = {name: times for name, times in load.told.items() if name.endswith(UNKNOWN)}
        outcome.violations += [Violation("I12", "commands got no answer in minutes", {"stories": unknown})] * bool(
            unknown
        )
    # a process that did not come back or go is a violation of I12 as well as what the checker finds
    outcome.violations += [
        Violation("I11" if d.what == REBUILD else "I12", d.trouble, {"fault": d.what, "on": d.where})
        for d in outcome.done
        if d.trouble
    ]
    found = await collect(stack.env, evidence)
    looks = await check(found, stack.env["POLYPLUS_POSTGRES_ADMIN_URL"])
    outcome.violations += [violation for look in looks for violation in look.violations]
    outcome.checked = report(looks)
    return outcome


async def _through_it_all(
    chapter: Chapter,
    stack: FaultStack,
    load: Load,
    faults: History,
    disturber: Disturber,
    note: Callable[[Done], None],
) -> None:
    in_flight = InFlight(stack.env, load.open)
    attacker = Attacker(stack.targets, in_flight, faults, note)
    try:
        async with asyncio.TaskGroup() as all:
            all.create_task(load.run())
            await load.under_way(_TELLING_SECONDS)
            async with asyncio.TaskGroup() as lanes:
                for lane in chapter.lanes.values():
                    lanes.create_task(attacker.work(lane))
                for others in chapter.disturbances.values():
                    lanes.create_task(disturber.work(others))
            stack.heal()
            await _bring_all_back(stack)
            await load.under_way(_TELLING_SECONDS)  # what was broken works again, for everybody
            load.end()
    finally:
        stack.heal()
        await in_flight.close()


async def _settle(stack: FaultStack, disturber: Disturber, faults: History, outcome: Outcome) -> None:
    """Has every process back, lets some domain time pass, and waits until nothing is left to do."""
    try:
        await _bring_all_back(stack)
        await disturber.move_clock(_LATER)
        faults.mark(FAULTS_OVER)
        began = time.monotonic()
        async with sandbox(stack.env, beside=(WITNESS,)) as clock:
            await clock.quiet(seconds=QUIET_SECONDS)
            faults.mark(QUIET)
            outcome.quiet_after = time.monotonic() - began
            await _hold_still(stack, clock)
    except CannotRun as busy:
        outcome.violations.append(Violation("I12", str(busy)))


async def _bring_all_back(stack: FaultStack) -> None:
    """Also what a fault of its own left, because the engines under it were down. Raises NotBack."""
    await asyncio.gather(*(stack.targets.bring_back(name) for name in stack.targets.names()))


async def _hold_still(stack: FaultStack, clock: Sandbox) -> None:
    """Freezes every service at an instant at which nothing is under way, nor comes due while the evidence is read: a timer that fires
    between the look at a database and the look at its topic would be an event that nobody committed. Raises CannotRun.
    """
    services = [name for name in stack.targets.names() if stack.targets[name].kind in (API, WORKER)]
    until = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < until:
        look = await clock.quiet(seconds=QUIET_SECONDS)
        if look.next_due and look.next_due - look.now < _READING:
            await asyncio.sleep((look.next_due - look.now).total_seconds() + 0.1)
            continue
        for name in services:
            stack.targets.freeze(name)
        with suppress(CannotRun):
            await clock.quiet(seconds=2)
            return
        stack.targets.thaw_all()
    raise CannotRun(f"no {_READING.total_seconds():.0f} s without anything due in {QUIET_SECONDS:.0f} s")


@asynccontextmanager
async def _sampled(stack: FaultStack, evidence: Path) -> AsyncIterator[None]:
    stop = asyncio.Event()
    with History(evidence, "sampler") as history:
        task = asyncio.create_task(sample(owner_urls(stack.env), history, stop))
        try:
            yield
        finally:
            stop.set()
            await task


async def play(chapter: Chapter, evidence: Path, say: Say) -> Outcome:
    """A chapter on a stack of its own. Raises CannotRun when the stack does not come up."""
    with TemporaryDirectory(prefix="polyplus-faults-", ignore_cleanup_errors=True) as home:
        async with FaultStack(Path(home), evidence / "logs", say) as stack:
            return await run(chapter, stack, evidence, say)

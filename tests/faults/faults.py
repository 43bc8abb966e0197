"""Carrying out the plan's attacks on processes, each recorded with what it interrupted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from deploy.local.errors import CannotRun
from tests.faults.history import History
from tests.faults.in_flight import InFlight
from tests.faults.plan import GRACEFUL, SIGKILL, Attack
from tests.faults.targets import BROKER, POSTGRES, NotBack, Targets

_HUNT_SECONDS = 3.0
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Done:
    """A fault as it went: `interrupted` is what was under way, `trouble` what should not have been."""

    what: str
    where: str
    interrupted: str | None
    seconds: float
    trouble: str | None = None


class Attacker:
    """Works a lane of attacks one after the other."""

    def __init__(self, targets: Targets, in_flight: InFlight, history: History, note: Callable[[Done], None]) -> None:
        self._targets, self._in_flight, self._history, self._note = targets, in_flight, history, note

    async def work(self, lane: Sequence[Attack]) -> None:
        for attack in lane:
            self._note(await self._attack(attack))
            await asyncio.sleep(attack.pause)

    async def _attack(self, attack: Attack) -> Done:
        loop = asyncio.get_running_loop()
        what = f"{attack.kind} {attack.how}"
        if not self._targets[attack.target].family():  # it did not come back while its engines were down
            await self._bring_back(attack)
        interrupted = await self._in_flight.wait_for(self._targets[attack.target], _HUNT_SECONDS)
        began = loop.time()
        self._history.fault(what, attack.target, "begin", interrupted=interrupted)
        trouble = None
        try:
            await self._strike(attack)
            await self._bring_back(attack)
        except CannotRun as failed:
            trouble = str(failed)
        self._history.fault(what, attack.target, "end", trouble=trouble)
        return Done(what, attack.target, interrupted, loop.time() - began, trouble)

    async def _bring_back(self, attack: Attack) -> None:
        """An engine has to be ready; what stands on engines that fall beside it, alive if they let it: at the end all must be."""
        if attack.kind in (POSTGRES, BROKER):
            await self._targets.bring_back(attack.target)
            return
        with suppress(NotBack):
            await self._targets.bring_back(attack.target, _PATIENCE_SECONDS, alive=True)

    async def _strike(self, attack: Attack) -> None:
        if attack.how == SIGKILL:
            await self._targets.kill(attack.target)
        elif attack.how == GRACEFUL:
            await self._targets.end(attack.target)
        else:
            self._targets.freeze(attack.target)
            try:
                await asyncio.sleep(attack.frozen)
            finally:
                self._targets.thaw(attack.target)

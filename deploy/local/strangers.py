"""How long the sandbox's clock waits for the outside: a call under way, a call that fails, a simulator that is gone.

What was waited for long enough once is not waited for again: two weeks with a dead partner take no longer than one day.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

CALL_SECONDS = 10.0
"""For a call that has not failed yet; the outside is given no longer to answer."""
FAILING_SECONDS = 2.0
"""For one that has failed, and for a new one where others are left behind: its next tries come within this time."""
GONE_SECONDS = 15.0
"""For a simulator that does not answer: its supervisor starts it again."""


@dataclass
class Strangers:
    """What is waited for at the outside, and what not any more. With `endless` everything is waited for."""

    endless: bool = False
    now: Callable[[], float] = time.monotonic
    _since: dict[str, float] = field(default_factory=dict)
    _left: dict[str, set[str]] = field(default_factory=dict)
    _failing: dict[str, int] = field(default_factory=dict)

    def waited_for(self, service: str, calls: Mapping[str, bool], *, failing: int) -> int:
        """How many of the service's calls are still waited for.

        `calls`: those that are open or due soon, and whether each has failed before; `failing`: how many have, due later too.
        """
        if self.endless:
            return len(calls)
        left = self._left.setdefault(service, set())
        for call, failed in calls.items():
            patience = FAILING_SECONDS if failed or left else CALL_SECONDS
            if call not in left and self._waited(f"{call}:{failed}") > patience:
                left.add(call)
        self._failing[service] = max(failing, len(calls.keys() & left))
        return len(calls.keys() - left)

    def misses(self, simulator: str) -> bool:
        """The simulator gave no answer: whether it is not waited for any more."""
        return not self.endless and self._waited(simulator) > GONE_SECONDS

    def is_gone(self, simulator: str) -> bool:
        return not self.endless and simulator in self._since and self._waited(simulator) > GONE_SECONDS

    def answered(self, simulator: str) -> None:
        self._since.pop(simulator, None)

    def left(self) -> list[str]:
        """One sentence for each service or simulator that was left behind."""
        failing = {service: count for service, count in self._failing.items() if count}
        calls = [f"{service} has {count} calls to the outside that fail" for service, count in failing.items()]
        return calls + [f"the {name} does not answer" for name in self._since if ":" not in name and self.is_gone(name)]

    def _waited(self, what: str) -> float:
        return self.now() - self._since.setdefault(what, self.now())

"""What a proof looked at, and what it objects to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.evidence import Evidence


@dataclass(frozen=True)
class Violation:
    """`invariant` (I1 to I14, I18) does not hold: `what`, and what shows it."""

    invariant: str
    what: str
    evidence: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what} — {', '.join(f'{n}={v}' for n, v in self.evidence.items())}"


@dataclass
class Look:
    """One invariant under examination: count what is looked at, object to what does not hold."""

    invariant: str
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def count(self, what: str, number: int = 1) -> None:
        self.counts[what] += number

    def object(self, what: str, **evidence: Any) -> None:
        self.violations.append(Violation(self.invariant, what, evidence))

    def expect(self, holds: bool, what: str, **evidence: Any) -> None:
        """Objects unless it holds."""
        if not holds:
            self.object(what, **evidence)


@dataclass(frozen=True)
class Invariant:
    """A proof: `examine(evidence, look)`; without any of `material` it would prove nothing, and that is an objection too."""

    name: str
    says: str
    examine: Callable[[Evidence, Look], None]
    material: tuple[str, ...]

    def look(self, evidence: Evidence, *, material: bool = True) -> Look:
        look = Look(self.name)
        self.examine(evidence, look)
        for what in self.material if material else ():
            look.expect(look.counts[what] > 0, f"nothing is proven: the evidence has no {what}")
        return look

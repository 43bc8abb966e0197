"""What came of a run, one line for each cell: target × fault, how often, how often with work in flight, what went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.checker import Violation
from tests.faults.disturbances import DISTURBANCES
from tests.faults.faults import Done
from tests.faults.plan import CELLS

IN_FLIGHT_SHARE = 0.3
"""So many of all kills must have interrupted work, or the run has proven little."""


@dataclass(frozen=True)
class Cell:
    what: str
    times: int
    interrupted: int
    troubles: int


def cells(done: Sequence[Done]) -> Iterator[Cell]:
    """The planned ones, also those that never came."""
    for what in (*(f"{kind} {how}" for kind, how in CELLS), *(what for lane in DISTURBANCES.values() for what in lane)):
        mine = [one for one in done if one.what == what]
        yield Cell(what, len(mine), sum(bool(d.interrupted) for d in mine), sum(bool(d.trouble) for d in mine))


def kills(done: Sequence[Done]) -> tuple[int, int]:
    """Attacks on processes: how many, and how many of them with work in flight."""
    named = {f"{kind} {how}" for kind, how in CELLS}
    attacks = [one for one in done if one.what in named]
    return len(attacks), sum(bool(one.interrupted) for one in attacks)


def table(done: Sequence[Done], violations: Sequence[Violation]) -> str:
    lines = [f"{'fault':<32} {'times':>6} {'in flight':>10} {'not back':>9}"]
    lines += [f"{c.what:<32} {c.times:>6} {c.interrupted:>10} {c.troubles:>9}" for c in cells(done)]
    all, hit = kills(done)
    lines.append(f"{'all kills':<32} {all:>6} {hit:>10}   ({hit / max(all, 1):.0%} with work in flight)")
    lines.append(f"violations: {len(violations)}")
    return "\n".join(lines)

"""The best day for a set of visits: everyone as early as possible, then the least travel. Minutes since the day's origin; no rows.

Each technician's possible rounds are made first: for a set of visits, the order that is best for its customers. A mixed-integer
solver (HiGHS) then picks one round per technician so that each visit is made once: a set partitioning, whose relaxation
is so tight that a proof takes milliseconds where a model of orders and times took longer than anybody waits (docs/adr/0004).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

MOST_ROUNDS = 50_000
"""Of one technician; where there are more, the plan is good but not proven to be the best."""


@dataclass(frozen=True)
class Job:
    """A visit. `openings` says per technician who may take it from when to when it may start; a pinned one stays as it is."""

    id: UUID
    minutes: int
    openings: Mapping[UUID, Sequence[tuple[int, int]]] = field(default_factory=dict)
    pinned: tuple[UUID, int] | None = None

    def start(self, crew: UUID, reached: int, grid: int) -> int | None:
        """The earliest start for a technician who is there at `reached`."""
        if self.pinned:
            return self.pinned[1] if self.pinned[0] == crew and reached <= self.pinned[1] else None
        for opens, closes in self.openings.get(crew, ()):
            at = -(-max(opens, reached) // grid) * grid
            if at <= closes:
                return at
        return None


@dataclass(frozen=True)
class Crew:
    """A technician, who leaves home no earlier than this."""

    id: UUID
    leaves_after: int


@dataclass(frozen=True)
class Turn:
    """What was decided for one visit; `travel` is the way there."""

    crew: UUID
    starts: int
    travel: int


@dataclass(frozen=True)
class Plan:
    """A day in which every visit is made; `proven` where nothing better exists."""

    turns: Mapping[UUID, Turn]
    proven: bool


class _Round(NamedTuple):
    """Visits of one technician in order. Of two with the same visits the smaller one is the better."""

    # the sum of the starts
    waited: int
    travelled: int
    free_at: int
    # by the job's index
    turns: tuple[tuple[int, Turn], ...]


Travel = Mapping[tuple[UUID, UUID], int]


def best_day(jobs: Sequence[Job], crews: Sequence[Crew], travel: Travel, *, grid: int, seconds: float) -> Plan | None:
    """None when no plan makes every visit, or none was found within `seconds`. Blocks: call it in a thread.

    `travel` has the minutes from each technician's home and each visit to each other visit.
    """
    rounds: list[_Round] = []
    owners: list[int] = []
    complete = True
    for number, crew in enumerate(crews):
        found, all_of_them = _rounds(crew, jobs, travel, grid)
        rounds += found
        owners += [number] * len(found)
        complete = complete and all_of_them
    picked, proven = _pick(rounds, owners, len(jobs), len(crews), seconds)
    if picked is None:
        return None
    turns = {jobs[job].id: turn for number in picked for job, turn in rounds[number].turns}
    return Plan(turns, proven and complete)


def _rounds(crew: Crew, jobs: Sequence[Job], travel: Travel, grid: int) -> tuple[list[_Round], bool]:
    """The best round for every set of visits that this technician can make in a day; whether these are all."""
    best: dict[frozenset[int], _Round] = {}
    layer: dict[tuple[frozenset[int], int], list[_Round]] = {(frozenset(), -1): [_Round(0, 0, crew.leaves_after, ())]}
    while layer:
        longer: dict[tuple[frozenset[int], int], list[_Round]] = {}
        for (visits, last), labels in layer.items():
            here = crew.id if last < 0 else jobs[last].id
            for number, job in enumerate(jobs):
                if number not in visits:
                    way = travel[here, job.id]
                    for label in labels:
                        _extend(longer, visits | {number}, number, label, job, crew.id, way, grid)
            if len(best) + len(longer) > MOST_ROUNDS:
                return list(best.values()), False
        for (visits, _), labels in longer.items():
            best[visits] = min([*labels, *([best[visits]] if visits in best else [])])
        layer = longer
    return list(best.values()), True


def _extend(
    longer: dict[tuple[frozenset[int], int], list[_Round]],
    visits: frozenset[int],
    number: int,
    label: _Round,
    job: Job,
    crew: UUID,
    way: int,
    grid: int,
) -> None:
    """Keeps a longer round unless one with the same visits and the same last is better in every respect."""
    starts = job.start(crew, label.free_at + way, grid)
    if starts is None:
        return
    turn = (number, Turn(crew, starts, way))
    new = _Round(label.waited + starts, label.travelled + way, starts + job.minutes, (*label.turns, turn))
    known = longer.setdefault((visits, number), [])
    if not any(all(k <= n for k, n in zip(kept[:3], new[:3], strict=True)) for kept in known):
        known[:] = [kept for kept in known if not all(n <= k for k, n in zip(kept[:3], new[:3], strict=True))]
        known.append(new)


def _pick(
    rounds: Sequence[_Round], owners: Sequence[int], jobs: int, crews: int, seconds: float
) -> tuple[list[int] | None, bool]:
    # 28 MiB with numpy: only who plans a day pays for it
    import highspy

    model = highspy.Highs()  # type: ignore[no-untyped-call]  # the package types its methods alone
    model.silent()
    for option, value in (("time_limit", seconds), ("threads", 1), ("mip_rel_gap", 0.0), ("mip_abs_gap", 0.5)):
        model.setOptionValue(option, value)
    for _ in range(jobs):
        model.addRow(1, 1, 0, [], [])
    for _ in range(crews):
        model.addRow(0, 1, 0, [], [])
    for number, (each, owner) in enumerate(zip(rounds, owners, strict=True)):
        rows = [job for job, _ in each.turns] + [jobs + owner]
        model.addCol(each.waited, 0, 1, len(rows), rows, [1] * len(rows))
        model.changeColIntegrality(number, highspy.HighsVarType.kInteger)
    columns = list(range(len(rounds)))
    picked, proven = None, True
    for costs in ([float(each.waited) for each in rounds], [float(each.travelled) for each in rounds]):
        model.changeColsCost(len(columns), columns, costs)
        model.run()
        info = model.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return picked, False
        proven = proven and model.getModelStatus() == highspy.HighsModelStatus.kOptimal
        values = model.getSolution().col_value
        picked = [number for number in columns if values[number] > 0.5]
        waited = sum(rounds[number].waited for number in picked)
        model.addRow(0, waited + 0.5, len(columns), columns, [each.waited for each in rounds])
    return picked, proven

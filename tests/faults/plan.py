"""What will be done to whom, and when: all of it drawn from one seed before anything begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random

from tests.faults.targets import API, BROKER, KINDS, POSTGRES, WORKER

SIGKILL, SIGSTOP, GRACEFUL = WAYS = ("SIGKILL", "SIGSTOP", "graceful")
CELLS = tuple((kind, how) for kind in KINDS for how in WAYS)
Places = Mapping[str, Sequence[str]]
_CHAPTER = 125
_KILLS_FOR_A_ROUND = 40  # every other fault comes once more for so many kills
_ENGINES_SHARE = 0.05  # of all, for each of their cells: they take everything else down with them
_SECONDS_EACH = 18.0  # a broker's fault with its recovery and the pause after it; the others go on beside them
_SECONDS_AROUND = 90.0  # a chapter's beginning and its checking


@dataclass(frozen=True)
class Attack:
    """One fault on one process. `frozen` is how long a SIGSTOP lasts, `pause` how long it is let alone afterwards (seconds)."""

    kind: str
    how: str
    target: str
    frozen: float
    pause: float


@dataclass(frozen=True)
class Disturbance:
    """A fault that is no process': `what` names it, `where` what it falls on."""

    what: str
    where: str
    pause: float


@dataclass(frozen=True)
class Chapter:
    """What one stack goes through before it is checked. Lanes run beside each other; no process is in two."""

    seed: str
    lanes: Mapping[str, Sequence[Attack]]
    disturbances: Mapping[str, Sequence[Disturbance]]

    @property
    def kills(self) -> int:
        return sum(len(lane) for lane in self.lanes.values())

    @property
    def others(self) -> int:
        return sum(len(lane) for lane in self.disturbances.values())


def chapters(seed: int, kills: int, targets: Mapping[str, Sequence[str]], disturbances: Mapping[str, Places],
             *, per_chapter: int = _CHAPTER, pace: float = 1.0) -> list[Chapter]:  # fmt: skip
    """`targets` by kind; `disturbances` by lane and name: where each can fall. At least one of each cell when `kills` allows it."""
    random = Random(f"{seed}/{kills}")
    cells = _cells(kills)
    random.shuffle(cells)
    made = []
    for number, first in enumerate(range(0, kills, per_chapter)):
        some = cells[first : first + per_chapter]
        made.append(_chapter(f"{seed}/{number}", some, targets, disturbances, pace))
    return made


def _cells(kills: int) -> list[tuple[str, str]]:
    counts = Counter(dict.fromkeys(CELLS, 1 if kills >= len(CELLS) else 0))
    for kind, how in CELLS:
        if kind in (POSTGRES, BROKER):
            counts[kind, how] = max(counts[kind, how], int(kills * _ENGINES_SHARE))
    rest = kills - counts.total()
    counts.update(islice(cycle(cell for cell in CELLS if cell[0] in (API, WORKER)), rest))
    return list(counts.elements())


def _chapter(seed: str, cells: Sequence[tuple[str, str]], targets: Mapping[str, Sequence[str]],
             disturbances: Mapping[str, Places], pace: float) -> Chapter:  # fmt: skip
    random = Random(seed)
    lanes: dict[str, list[Attack]] = {POSTGRES: [], BROKER: [], API: [], "workers": [], "more workers": []}
    # the first worker of a service is in one lane, the second in the other: both may be down at once
    halves = {"workers": [t for t in targets[WORKER] if t.endswith(".1")][::2]}
    halves["more workers"] = [t for t in targets[WORKER] if t not in halves["workers"]]
    for kind, how in cells:
        lane = random.choice(sorted(halves)) if kind == WORKER else kind
        target = random.choice(halves.get(lane) or targets[kind])
        frozen = _frozen(kind, random, pace) if how == SIGSTOP else 0.0
        lanes[lane].append(Attack(kind, how, target, frozen, pace * random.uniform(*_pauses(kind))))
    for attacks in lanes.values():
        random.shuffle(attacks)
    beside: dict[str, list[Disturbance]] = {}
    for lane, whats in disturbances.items():
        rounds = [item for _ in range(1 + len(cells) // _KILLS_FOR_A_ROUND) for item in whats.items()]
        random.shuffle(rounds)
        beside[lane] = [
            Disturbance(what, random.choice(places), pace * random.uniform(0.5, 2.0)) for what, places in rounds
        ]
    return Chapter(seed, lanes, beside)


def _frozen(kind: str, random: Random, pace: float) -> float:
    """Seconds, 5 to 60: mostly short, else nothing would ever be in flight; some longer than a group's session."""
    long = random.random()
    if pace < 1 or long < 0.8:
        return random.uniform(5, 8)
    if kind in (POSTGRES, BROKER):
        return random.uniform(8, 20) if long < 0.97 else random.uniform(20, 60)
    return random.uniform(11, 25) if long < 0.95 else random.uniform(25, 60)


def _pauses(kind: str) -> tuple[float, float]:
    return (4.0, 8.0) if kind in (POSTGRES, BROKER) else (0.5, 2.5)


def estimate(plan: Sequence[Chapter]) -> float:
    """Seconds on two quiet cores."""
    return sum(len(chapter.lanes[BROKER]) * _SECONDS_EACH + _SECONDS_AROUND for chapter in plan)

"""The clocks of a case, as a pure function of its recorded facts and the numbers in force: nothing else, in any order, at any time."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal

from libs.events.values import Priority, Severity, Wait
from services.escalation.model.clock_face import Face
from services.escalation.model.facts import Epoch, Fact, epochs, severity_at, standing
from services.escalation.model.settings import EscalationSettings, Targets

Measure = Literal["first_response", "update", "resolution", "age", "no_progress"]
ClockState = Literal["running", "paused", "met", "stopped"]
SettingsAt = Callable[[Severity, datetime | None], EscalationSettings]
"""The numbers in force for a severity at an instant, the newest ones for None."""

CLOCKS: tuple[Measure, ...] = ("first_response", "update", "resolution")
_PAUSED_BY: dict[Measure, frozenset[Wait | None]] = {
    "update": frozenset({"customer"}),
    "resolution": frozenset({"customer", "partner"}),
    "age": frozenset({"customer"}),
    "no_progress": frozenset({"customer", "partner"}),
}
"""The waits during which a measure stands still: a partner's silence is no reason to leave the customer without a word, or the case
to grow old (S8)."""


_Merges = Sequence[tuple[datetime, datetime]]


@dataclass(frozen=True)
class Pause:
    """A stretch in which the clock stands still; without an end it stands still now."""

    start: datetime
    end: datetime | None
    wait: Wait


@dataclass(frozen=True)
class Reading:
    """One clock from its start to its end, if it has one. What ended keeps the settings that held then. `before` is how it stood
    under the severities and numbers of before, each until the next ones held: what was missed under them stays missed."""

    kind: Measure
    epoch: int
    # the update clock starts anew with each update
    round: int
    severity: Severity
    priority: Priority
    settings: EscalationSettings
    # in units of the face
    target: Fraction
    face: Face
    started_at: datetime
    # before a duplicate that had been opened earlier was merged into the case
    began_at: datetime
    pauses: tuple[Pause, ...] = ()
    ended_at: datetime | None = None
    met: bool = False
    reason: str | None = None
    before: "tuple[Reading, ...]" = ()

    @property
    def state(self) -> ClockState:
        """Where the clock stands."""
        if self.ended_at:
            return "met" if self.met else "stopped"
        return "paused" if self.pauses and self.pauses[-1].end is None else "running"

    def due_at(self, percent: int = 100) -> datetime | None:
        """The first instant at which so much of the target has run; None while it stands still before that."""
        left, since = self.target * percent / 100, self.started_at
        for pause in self.pauses:
            ran = self.face.between(since, pause.start)
            if ran >= left:
                break
            if pause.end is None:
                return None
            left, since = left - ran, pause.end
        return self.face.add(since, left)

    @property
    def first_due_at(self) -> datetime:
        """What was due when it started, before any pause."""
        return self.face.add(self.started_at, self.target)

    @property
    def target_time(self) -> timedelta:
        """The target in time of its calendar, from the start; of business days, as long as those days are."""
        return self.face.calendar.business_time_between(self.started_at, self.first_due_at)

    def elapsed(self, until: datetime) -> timedelta:
        """How much of its calendar's time has run, pauses not counted."""
        time = self.face.calendar.business_time_between
        return sum((time(start, end) for start, end in self._ran_until(until)), timedelta(0))

    def remaining(self, at: datetime) -> timedelta:
        """How much of its calendar's time would pass until it is due if it ran from then on; below 0: already late by so much."""
        left = self.target - sum(self.face.between(start, end) for start, end in self._ran_until(at))
        if left >= 0:
            return self.face.calendar.business_time_between(at, self.face.add(at, left))
        due = self.due_at()
        assert due
        return self.elapsed(due) - self.elapsed(at)

    def _ran_until(self, until: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches in which it did not stand still."""
        until = min(until, self.ended_at) if self.ended_at else until
        since = self.started_at
        for pause in self.pauses:
            yield since, max(since, min(pause.start, until))
            since = min(pause.end, until) if pause.end else until
        yield since, max(since, until)

    @property
    def paused_for(self) -> timedelta:
        """How long it stood still in all, on the wall clock."""
        return sum((pause.end - pause.start for pause in self.pauses if pause.end), timedelta(0))

    def passes(self, percent: int = 100) -> datetime | None:
        """When so much of the target has run, if that is before its end."""
        due = self.due_at(percent)
        return None if due is None or (self.ended_at and due >= self.ended_at) else due

    @property
    def missed_at(self) -> datetime | None:
        """When it was due, of one that ended too late or was too late under what held before; None for one that is late now only."""
        ended = [each for each in (*self.before, self) if each.ended_at]
        return min((due for each in ended if (due := each.passes())), default=None)


def readings(
    facts: Iterable[Fact],
    settings_at: SettingsAt,
    kinds: Sequence[Measure] = CLOCKS,
    *,
    changes: Iterable[datetime] = (),
) -> list[Reading]:
    """Every clock of these kinds that the case has or had; none before its opening is known. `changes` are the instants from which
    `settings_at` gives other numbers."""
    facts = standing(facts)
    changed = sorted({*changes, *(fact.at for fact in facts if fact.kind == "severity_changed")})
    return [
        reading
        for epoch in epochs(facts)
        for kind in kinds
        for reading in _of_epoch(kind, epoch, facts, settings_at, changed)
    ]


def _of_epoch(
    kind: Measure, epoch: Epoch, facts: Sequence[Fact], settings_at: SettingsAt, changed: Sequence[datetime]
) -> Iterable[Reading]:
    within = [fact for fact in facts if epoch.holds(fact.at)]
    pauses = _pauses(epoch, facts, _PAUSED_BY.get(kind, frozenset()))

    def stood(number: int, start: datetime, at: datetime | None, until: datetime | None, merged: _Merges) -> Reading:
        """As it stands at that instant."""
        severity, priority = severity_at(facts, at)
        settings = settings_at(severity, at)
        targets: Targets = getattr(settings, kind)
        target = targets.of(priority)
        return Reading(
            kind=kind,
            epoch=epoch.number,
            round=number,
            severity=severity,
            priority=priority,
            settings=settings,
            target=settings.amount(target),
            face=settings.clock_face(target),
            started_at=min([start, *(since for when, since in merged if until is None or when < until)]),
            began_at=start,
            pauses=_clipped(pauses, start, until),
            ended_at=until,
        )

    for number, (start, end, met) in enumerate(_stretches(kind, epoch, within)):
        merged = _merges(kind, number, within, start, end)
        at = sorted({*changed, *(when for when, _ in merged)})
        cuts = [start, *(each for each in at if start < each and (end is None or each <= end))]
        before = tuple(stood(number, start, since, until, merged) for since, until in itertools.pairwise(cuts))
        reason = None if met else epoch.outcome
        yield replace(stood(number, start, end, end, merged), met=met, reason=reason, before=before)


def _merges(kind: Measure, number: int, within: Sequence[Fact], start: datetime, end: datetime | None) -> _Merges:
    """Of the clocks that start with the epoch, those that ran: when something was merged into the case, and when that was opened."""
    if number or kind == "no_progress":
        return []
    found: list[tuple[datetime, datetime]] = []
    for fact in within:
        if fact.since and (end is None or fact.at < end) and fact.since < (found[-1][1] if found else start):
            found.append((fact.at, fact.since))
    return found


def _stretches(kind: Measure, epoch: Epoch, within: Sequence[Fact]) -> Iterable[tuple[datetime, datetime | None, bool]]:
    """From when to when this measure ran in the epoch, and whether what it waits for ended it."""
    match kind:
        case "first_response":
            answer = next((fact.at for fact in within if fact.is_answer), None)
            yield epoch.start, answer or epoch.end, answer is not None
        case "resolution" | "age":
            yield epoch.start, epoch.end, epoch.outcome == "resolved"
        case "update" | "no_progress":
            starting_anew = {fact.at for fact in within if (fact.is_update if kind == "update" else fact.is_progress)}
            starts = [epoch.start, *sorted(starting_anew - {epoch.start, epoch.end})]
            yield from ((start, end, True) for start, end in itertools.pairwise(starts))
            yield starts[-1], epoch.end, False


def _pauses(epoch: Epoch, facts: Sequence[Fact], waits: frozenset[Wait | None]) -> list[Pause]:
    """These waits, overlapping ones joined. One that outlived a resolution stands in the next epoch too."""
    ends = {fact.wait_id: fact.at for fact in facts if fact.kind == "wait_ended"}
    joined: list[Pause] = []
    for fact in facts:
        if fact.kind != "wait_began" or fact.wait not in waits or fact.wait is None:
            continue
        start, end = max(fact.at, epoch.start), ends.get(fact.wait_id)
        if end is not None and end <= start:
            continue
        last = joined[-1] if joined else None
        if last and (last.end is None or start <= last.end):
            joined[-1] = Pause(last.start, max(last.end, end) if last.end and end else None, last.wait)
        else:
            joined.append(Pause(start, end, fact.wait))
    return joined


def _clipped(pauses: Sequence[Pause], start: datetime, end: datetime | None) -> tuple[Pause, ...]:
    """The parts of the pauses that lie between `start` and `end`."""
    found = []
    for pause in pauses:
        begins = max(pause.start, start)
        ends = min(pause.end, end) if pause.end and end else pause.end or end
        if ends is None or begins < ends:
            found.append(Pause(begins, ends, pause.wait))
    return tuple(found)

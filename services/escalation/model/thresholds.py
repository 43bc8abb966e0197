"""What fires when: every threshold that a case has passed, or passes if nothing more happens. Pure, like the clocks."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from libs.events.escalation import ClockKind
from libs.events.values import Priority
from services.escalation.model.clock import Measure, Reading, SettingsAt, readings
from services.escalation.model.facts import Epoch, Fact, epochs, in_order, severity_at
from services.escalation.model.settings import EscalationSettings, Rule

_MEASURES: tuple[Measure, ...] = ("first_response", "update", "resolution", "age", "no_progress")
_OCCURRENCES: dict[str, tuple[Rule, str]] = {
    "repeat_replacement": ("repeat_replacement", "The same component of the same unit failed again."),
    "contract_date_missed": ("contract_date_missed", "The contract's delivery date passed without the part."),
    "partner_silence": ("partner_silence", "The cloud partner's response time passed without a word."),
    "customer_request": ("customer_request", "The customer asked for an escalation."),
}


class ThresholdFacts(TypedDict):
    """What event, row and dry run say of a threshold."""

    rule: Rule
    percent: int | None
    epoch: int
    round: int
    due_at: datetime
    priority: Priority
    explanation: str


@dataclass(frozen=True)
class Threshold:
    """One rule at one percentage in one epoch, and of what begins anew with each word or step in one round. It fires once, when
    `due_at` is reached. A round is known by `since`, when it began: what is heard late can renumber it."""

    rule: Rule
    percent: int | None
    epoch: int
    due_at: datetime
    priority: Priority
    raises: bool
    explanation: str
    round: int = 0
    since: datetime | None = None

    @property
    def key(self) -> str:
        """What its timer is named by: `resolution:75`, `age`."""
        return self.rule if self.percent is None else f"{self.rule}:{self.percent}"

    @property
    def name(self) -> str:
        """What it is in its epoch: `resolution:75`, `no_progress:2026-03-02T09:00:00+00:00`."""
        return f"{self.key}:{self.since.isoformat()}" if self.since else self.key

    @property
    def mark(self) -> str:
        """What the case file remembers once it has fired: `1:resolution:75`."""
        return f"{self.epoch}:{self.name}"

    @property
    def clock(self) -> ClockKind | None:
        """The clock that it is a percentage of; None for the other rules."""
        return self.rule if self.rule in ("first_response", "update", "resolution") else None

    def facts(self) -> ThresholdFacts:
        """What its event, its row and a dry run say of it."""
        return {
            "rule": self.rule,
            "percent": self.percent,
            "epoch": self.epoch,
            "round": self.round,
            "due_at": self.due_at,
            "priority": self.priority,
            "explanation": self.explanation,
        }


def thresholds(facts: Iterable[Fact], settings_at: SettingsAt, *, changes: Iterable[datetime] = ()) -> list[Threshold]:
    """The earliest due of each (epoch, rule, percent, round), in the order they are due. What was passed under the severity and the
    numbers of before stays so; `changes` are the instants from which `settings_at` gives other numbers."""
    facts = in_order(facts)
    found: dict[str, Threshold] = {}
    for threshold in [*_measured(facts, settings_at, changes), *_occurred(facts, settings_at)]:
        known = found.get(threshold.mark)
        if known is None or threshold.due_at < known.due_at:
            found[threshold.mark] = threshold
    return sorted(found.values(), key=lambda t: (t.due_at, t.epoch, t.percent or 0, t.rule))


def _measured(facts: list[Fact], settings_at: SettingsAt, changes: Iterable[datetime]) -> Iterable[Threshold]:
    for reading in readings(facts, settings_at, _MEASURES, changes=changes):
        for stood in (*reading.before, reading):
            yield from _of(stood)


def _of(reading: Reading) -> Iterable[Threshold]:
    settings = reading.settings
    is_clock = reading.kind not in ("age", "no_progress")
    for percent in settings.percents if is_clock else (100,):
        due = reading.passes(percent)
        if due is None:
            continue
        shown = percent if is_clock else None
        yield Threshold(
            reading.kind,
            shown,
            reading.epoch,
            due,
            reading.priority,
            raises=reading.kind in settings.raising and (percent >= settings.raise_from or not is_clock),
            explanation=_explained(reading, shown),
            round=reading.round,
            since=reading.began_at if reading.kind in ("update", "no_progress") else None,
        )


def _explained(reading: Reading, percent: int | None) -> str:
    hours = reading.face.spoken(reading.target)
    match reading.kind:
        case "age":
            return f"The case is open for {hours}, waits on the customer not counted ({reading.priority})."
        case "no_progress":
            return f"Nobody moved the case along for {hours} ({reading.priority})."
    return f"The {reading.kind.replace('_', ' ')} clock has run {percent} % of {hours} ({reading.priority})."


def _occurred(facts: list[Fact], settings_at: SettingsAt) -> Iterable[Threshold]:
    found = epochs(facts)
    for epoch in found:
        settings, priority = _at(facts, settings_at, epoch.start)
        reopened = epoch.number - 1
        if reopened >= settings.reopenings:
            yield Threshold(
                "reopenings",
                None,
                epoch.number,
                epoch.start,
                priority,
                "reopenings" in settings.raising,
                f"The case was reopened {reopened} times.",
            )
    for fact in facts:
        epoch_of = _epoch_of(fact, found)
        if fact.kind in _OCCURRENCES and epoch_of:
            rule, explanation = _OCCURRENCES[fact.kind]
            settings, priority = _at(facts, settings_at, fact.at)
            yield Threshold(rule, None, epoch_of.number, fact.at, priority, rule in settings.raising, explanation)


def _at(facts: list[Fact], settings_at: SettingsAt, instant: datetime) -> tuple[EscalationSettings, Priority]:
    severity, priority = severity_at(facts, instant)
    return settings_at(severity, instant), priority


def _epoch_of(fact: Fact, found: list[Epoch]) -> Epoch | None:
    """The epoch it happened in. The clocks of two services differ a little, so a fact that seems to precede the opening belongs to
    the first epoch."""
    if found and fact.at < found[0].start:
        return found[0]
    return next((epoch for epoch in reversed(found) if epoch.holds(fact.at)), None)

"""What is on record of a case, each with the instant at which it happened: all that clocks and thresholds follow from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated, Literal, Self, get_args
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from libs.events.values import NoteOrigin, Priority, Severity, Wait
from libs.kit.auth import STAFF
from libs.store.ids import new_id

FactKind = Literal[
    "opened",
    "severity_changed",
    "reopened",
    "assigned",
    "responded",
    "noted",
    "worked",
    "diagnosed",
    "diagnosis_withdrawn",
    "workaround",
    "wait_began",
    "wait_ended",
    "contract_date_missed",
    "repeat_replacement",
    "partner_silence",
    "customer_request",
    "merged",
    "resolved",
    "resolution_taken_back",
    "cancellation_requested",
    "cancellation_declined",
    "cancellation_withdrawn",
    "closed",
    "cancelled",
]
CaseState = Literal["unknown", "open", "assessing", "resolved", "closed", "cancelled"]

_RANK = {kind: rank for rank, kind in enumerate(get_args(FactKind))}
_STATE_AFTER: dict[str, CaseState] = {
    "opened": "open",
    "reopened": "open",
    "resolved": "resolved",
    "cancellation_requested": "assessing",
    "cancellation_declined": "open",
    "cancellation_withdrawn": "open",
    "closed": "closed",
    "cancelled": "cancelled",
}


class ToldFact(BaseModel):
    """One thing that happened to a case. `severity` and `priority` come with an opening and a change of severity, `wait` and
    `wait_id` with a wait, `origin` with a note and with what somebody said to resolve it. `told_at` is when the case said so: a resolution
    dates from the last thing it needed, and that may have happened before an earlier resolution was taken back. `since` comes with a merge: when what was merged into this case had been opened."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: FactKind
    at: Annotated[AwareDatetime, AfterValidator(lambda instant: instant.astimezone(UTC))]
    severity: Severity | None = None
    priority: Priority | None = None
    wait: Wait | None = None
    wait_id: UUID | None = None
    origin: NoteOrigin | None = None
    told_at: AwareDatetime | None = None
    since: AwareDatetime | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind in ("opened", "severity_changed") and not (self.severity and self.priority):
            raise ValueError(f"{self.kind} needs a severity and a priority")
        if self.kind in ("wait_began", "wait_ended") and not (self.wait and self.wait_id):
            raise ValueError(f"{self.kind} needs a wait and its wait_id")
        if self.kind == "merged" and not self.since:
            raise ValueError("merged needs since")
        if self.kind == "noted" and not self.origin:
            raise ValueError("noted needs an origin")
        return self


class Fact(ToldFact):
    """A fact on record. Its id is that of the event which told of it; `person_id` is who of us, or which of our systems, did it."""

    id: UUID = Field(default_factory=new_id)
    person_id: UUID | None = None

    @property
    def is_update(self) -> bool:
        """Whether the customer was told something by somebody: what the update clock waits for."""
        return self.kind in ("responded", "workaround") or self.origin in ("support", "partner", "technician")

    @property
    def is_answer(self) -> bool:
        """Whether support spoke to the customer: what the first-response clock waits for."""
        return self.kind == "responded" or self.origin == "support"

    @property
    def is_progress(self) -> bool:
        """Whether somebody moved the case along."""
        return self.is_update or self.kind in _PROGRESS


def done_by(actor: str) -> UUID | None:
    """Who of us did what a fact tells, where its envelope says `role:<id>`."""
    role, _, id = actor.partition(":")
    try:
        return UUID(id) if role in STAFF else None
    except ValueError:
        return None


_PROGRESS = frozenset({"assigned", "worked", "diagnosed", "diagnosis_withdrawn", "wait_began", "wait_ended"})


@dataclass(frozen=True)
class Epoch:
    """A stretch in which the case is worked: from its opening or a reopening until it is over."""

    number: int
    start: datetime
    end: datetime | None = None
    outcome: Literal["resolved", "closed", "cancelled", "reopened"] | None = None

    def holds(self, instant: datetime) -> bool:
        """Whether the instant lies in it; both ends belong to it."""
        return self.start <= instant and (self.end is None or instant <= self.end)


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    """By the instant they happened at, so that it does not matter in which order they were heard of."""
    return sorted(facts, key=lambda fact: (fact.at, _RANK[fact.kind], fact.id))


def standing(facts: Iterable[Fact]) -> list[Fact]:
    """In order, without the resolutions that were taken back. Taking back means the resolution that was told last before it."""
    facts = in_order(facts)
    resolutions = sorted((fact for fact in facts if fact.kind == "resolved"), key=lambda fact: fact.told_at or fact.at)
    void = set()
    for back in (fact for fact in facts if fact.kind == "resolution_taken_back"):
        void |= {fact.id for fact in [r for r in resolutions if (r.told_at or r.at) <= (back.told_at or back.at)][-1:]}
    return [fact for fact in facts if fact.id not in void and fact.kind != "resolution_taken_back"]


def epochs(facts: Iterable[Fact]) -> list[Epoch]:
    """The case's epochs in order; none before its opening is known."""
    found: list[Epoch] = []
    for fact in standing(facts):
        if fact.kind == "opened" and not found:
            found.append(Epoch(1, fact.at))
        if not found:
            continue
        last = found[-1]
        match fact.kind:
            case "reopened":
                if last.end is None:
                    found[-1] = replace(last, end=fact.at, outcome="reopened")
                found.append(Epoch(last.number + 1, fact.at))
            case "resolved" | "closed" | "cancelled" if last.end is None:
                found[-1] = replace(last, end=fact.at, outcome=fact.kind)
    return found


def case_state(facts: Iterable[Fact]) -> CaseState:
    """Where the case stands, as far as its clocks and its commands care."""
    state: CaseState = "unknown"
    for fact in standing(facts):
        if state != "unknown" or fact.kind == "opened":
            state = _STATE_AFTER.get(fact.kind, state)
    return state


def severity_at(facts: Iterable[Fact], instant: datetime | None) -> tuple[Severity, Priority]:
    """Severity and priority as they stood at `instant`; the newest ones for None. Needs a case whose opening is known."""
    rated = in_order(fact for fact in facts if fact.kind in ("opened", "severity_changed"))
    fact = [f for f in rated if instant is None or f.at <= instant or f is rated[0]][-1]
    assert fact.severity
    assert fact.priority
    return fact.severity, fact.priority

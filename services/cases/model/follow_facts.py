"""Which state the facts of a case call for, and what of it is news."""

from dataclasses import dataclass
from datetime import datetime

from libs.events.cases import ResolvedBecause
from services.cases.model.actor import SYSTEM
from services.cases.model.case import Case
from services.cases.model.case_values import Resolution, Wait
from services.cases.model.lifecycle import REFUSING, CaseState
from services.cases.model.wording import say

_RESOLVES_FROM: dict[ResolvedBecause, frozenset[CaseState]] = {
    "works": frozenset({"acknowledged", "reopened", "in_progress"}),
    "customer_silent": frozenset({"pending", "in_progress"}),
}


@dataclass(frozen=True)
class News:
    """What follows from the facts and has to be told.

    Waits that began and ended; whether the case resolved by itself, or took such a resolution back.
    """

    began: list[Wait]
    ended: list[Wait]
    resolved: bool
    took_back: bool


def follow_facts(case: Case, at: datetime, by: str, reason: str) -> News:
    """Goes to the state that the facts call for. Everything is told once, in whatever order the facts came."""
    before, to = case.state, _called_for(case)
    took_back = before == "resolved" and to == "pending"
    resolved = before != "resolved" and to == "resolved"
    if took_back:
        case.resolution = case.resolved_at = case.closes_at = None
    if (resolved and not _resolves_at_once(case)) or (before == "acknowledged" and to == "pending"):
        case.become("in_progress", at, by, reason)
    if case.state != to:
        case.become(to, at, by, reason)
    by_hand = case.resolution is not None and not case.resolution.automatic
    if to == "resolved" and not by_hand:
        _resolve_by_itself(case)
    quiet = to in {"closed", "cancelled"} or (to == "resolved" and by_hand)
    began, ended = ([], []) if quiet else untold_waits(case)
    return News(began, ended, resolved, took_back)


def untold_waits(case: Case) -> tuple[list[Wait], list[Wait]]:
    """Those that began and those that ended since it was last asked for."""
    began = [w for w in case.waits if w.stands and w.told == "nothing"]
    ended = [w for w in case.waits if not w.stands and w.told == "began"]
    for wait in began:
        wait.told = "began"
    for wait in ended:
        wait.told = "ended"
    return began, ended


def _resolves_at_once(case: Case) -> bool:
    """The customer's word ends a case that nobody works on, their silence one that waits; any other fact means that it was worked on."""
    assert case.confirmation is not None
    return case.state in _RESOLVES_FROM.get(case.confirmation.kind, frozenset({"in_progress"}))


def _called_for(case: Case) -> CaseState:
    if case.state in REFUSING:
        return case.state
    if case.resolution and not case.resolution.automatic:
        return "resolved"
    if case.confirmation and not case.standing_waits:
        return "resolved"
    return case.unresolved_state


def _resolve_by_itself(case: Case) -> None:
    """At the instant of the last fact that it needed, not of our hearing of it."""
    word = case.confirmation
    assert word is not None
    ends = [w.ended_at for w in case.waits if w.ended_at and w.ended_at >= case.epoch_began_at]
    case.resolved_at = max([word.at, *ends])
    cause_id = word.cause_id if word.kind in ("visit", "part") else None
    case.resolution = Resolution(
        text=say(f"resolved_by_{word.kind}", case.language),
        cause_id=cause_id,
        automatic=True,
        reason=word.kind,
        by=SYSTEM.by,
        at=case.resolved_at,
    )

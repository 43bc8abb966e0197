"""The states of a case, and what may be asked of it in each."""

from typing import Literal, get_args

from libs.kit.case_files import CaseClosedToCommands
from libs.kit.commands import NotPossibleNow
from libs.kit.states import StateMachine

CaseState = Literal[
    "acknowledged", "in_progress", "pending", "resolved", "reopened", "assessing_cancellation", "closed", "cancelled"
]
Workable = Literal["acknowledged", "in_progress", "pending", "reopened"]
"""Not resolved and not on its way out: somebody works on it, or has to."""
Command = Literal[
    "assign",
    "hand_over",
    "severity",
    "notes",
    "attachments",
    "diagnoses",
    "withdraw_diagnosis",
    "waits",
    "end_wait",
    "workaround",
    "problem",
    "revise",
    "partner_ticket_request",
    "coverage_override",
    "resolve",
    "close",
    "reopen",
    "cancel",
    "cancellation",
]

machine: StateMachine[CaseState] = StateMachine(
    "case",
    {
        "acknowledged": {"in_progress", "resolved", "assessing_cancellation", "closed"},
        "in_progress": {"pending", "resolved", "assessing_cancellation", "closed"},
        "pending": {"in_progress", "resolved", "assessing_cancellation", "closed"},
        "resolved": {"pending", "reopened", "closed"},
        "reopened": {"in_progress", "pending", "resolved", "assessing_cancellation", "closed"},
        "assessing_cancellation": {"acknowledged", "in_progress", "pending", "reopened", "cancelled", "closed"},
    },
    initial="acknowledged",
)
"""`resolved → pending` only takes back what resolved by itself: a wait came to light afterwards."""

WORKABLE: frozenset[CaseState] = frozenset(get_args(Workable))
OPEN: frozenset[CaseState] = WORKABLE | {"assessing_cancellation"}
"""Neither resolved nor over: what a second alert joins and a duplicate is compared with."""
OVER: frozenset[CaseState] = frozenset(get_args(CaseState)) - OPEN
REFUSING: frozenset[CaseState] = frozenset({"closed", "cancelled", "assessing_cancellation"})

_WHEN: dict[Command, frozenset[CaseState]] = {
    "assign": WORKABLE,
    "hand_over": WORKABLE,
    "severity": WORKABLE,
    "notes": WORKABLE | {"resolved"},
    "attachments": WORKABLE | {"resolved"},
    "diagnoses": WORKABLE,
    "withdraw_diagnosis": WORKABLE | {"resolved"},
    "waits": frozenset({"in_progress", "pending"}),
    "end_wait": WORKABLE,
    "workaround": WORKABLE,
    "problem": WORKABLE | {"resolved"},
    "revise": WORKABLE | {"resolved"},
    "partner_ticket_request": WORKABLE,
    "coverage_override": WORKABLE | {"resolved"},
    "resolve": frozenset({"in_progress"}),
    "close": frozenset({"resolved"}),
    "reopen": frozenset({"resolved"}),
    "cancel": WORKABLE,
    "cancellation": frozenset({"assessing_cancellation"}),
}


_POSSIBLE: dict[CaseState, list[Command]] = {
    state: sorted(command for command, states in _WHEN.items() if state in states) for state in get_args(CaseState)
}


def possible(state: CaseState) -> list[Command]:
    """What a case in this state takes, of whomever; sorted."""
    return list(_POSSIBLE[state])


def permit(command: Command, state: CaseState, number: str, now: list[Command], **extra: object) -> None:
    """Raises CaseClosedToCommands or NotPossibleNow, which name the state and `now`: what of it the caller can do instead."""
    if state in _WHEN[command]:
        return
    if state in REFUSING:
        raise CaseClosedToCommands(state, possible=now, **extra)
    choice = f"possible now: {', '.join(now)}"
    raise NotPossibleNow(f"{number} is {state} and does not take {command}; {choice}.", state=state, possible=now)

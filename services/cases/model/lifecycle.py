"""The states of a case, and what can be asked of it."""

from typing import Literal, get_args

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
    "children_notes",
    "attachments",
    "diagnoses",
    "withdraw_diagnosis",
    "waits",
    "end_wait",
    "workaround",
    "problem",
    "incident",
    "revise",
    "tags",
    "time_entries",
    "satisfaction",
    "correct",
    "merge",
    "split",
    "followers",
    "partner_ticket_request",
    "coverage_override",
    "resolve",
    "works",
    "close",
    "reopen",
    "cancel",
    "cancellation",
    "withdraw_cancellation",
    "redact",
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

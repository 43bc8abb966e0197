"""Who may read which case, and ask what of it."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, get_args
from uuid import UUID

from libs.kit.auth import ACCOUNT_KEEPERS, CASE_WRITERS, ENGINEERS, MANAGERS, Principal
from libs.kit.commands import Commands, Given
from libs.kit.rows import Rows, of_its_accounts, visible
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.lifecycle import OPEN, WORKABLE, CaseState, Command

NOT_OVER: frozenset[CaseState] = WORKABLE | {"resolved"}
HEARING: frozenset[CaseState] = NOT_OVER | {"assessing_cancellation"}
"""Somebody reads what is written to it."""
_THEIR_SIDE = ACCOUNT_KEEPERS - ENGINEERS
"""Whose word it is whether it works, and whether they want it cancelled after all."""


@dataclass(frozen=True)
class _Given(Given[Case]):
    """By the state alone."""

    states: AbstractSet[CaseState]

    def takes(self, case: Case) -> bool:
        return case.state in self.states


def _given(roles: frozenset[str], states: AbstractSet[CaseState]) -> _Given:
    return _Given(roles, lambda case: case.must_be_in(states), states)


def _word_on_sharing(case: Case) -> frozenset[CaseState]:
    """Consent is asked for while there is something to do, and withdrawn as long as anybody reads it."""
    return HEARING if case.shares else WORKABLE


def _of_its_own(roles: frozenset[str], states: AbstractSet[CaseState]) -> Given[Case]:
    """Of a case that goes on as itself: what is said to a duplicate is said to the case that it was merged into."""
    return Given(roles, lambda case: case.must_be_in(frozenset() if case.merged_into else states))


COMMANDS: Commands[Command, Case] = Commands(
    {
        "assign": _given(ENGINEERS, WORKABLE),
        "hand_over": _given(ENGINEERS, WORKABLE),
        "severity": _given(ENGINEERS, WORKABLE),
        "notes": _given(CASE_WRITERS, HEARING),
        "children_notes": _given(ENGINEERS, HEARING),
        "attachments": _given(CASE_WRITERS, HEARING),
        "diagnoses": _given(ENGINEERS, WORKABLE),
        "withdraw_diagnosis": _given(ENGINEERS, NOT_OVER),
        "waits": _given(ENGINEERS, OPEN),
        "end_wait": _given(ENGINEERS, OPEN),
        "workaround": _given(ENGINEERS, WORKABLE),
        "problem": _given(ENGINEERS, NOT_OVER),
        "incident": _given(ENGINEERS, NOT_OVER),
        "revise": _given(ENGINEERS, NOT_OVER),
        "satisfaction": _of_its_own(_THEIR_SIDE, {"resolved", "closed"}),
        "time_entries": _of_its_own(ENGINEERS, frozenset(get_args(CaseState))),
        "tags": _given(ENGINEERS, HEARING),
        "correct": _given(ACCOUNT_KEEPERS, NOT_OVER),
        "merge": _given(ENGINEERS, HEARING),
        "split": _given(ENGINEERS, HEARING),
        "followers": _given(ACCOUNT_KEEPERS, HEARING),
        "partner_ticket_request": Given(ACCOUNT_KEEPERS, lambda case: case.must_be_in(_word_on_sharing(case))),
        "coverage_override": _given(MANAGERS, NOT_OVER),
        "resolve": _given(ENGINEERS, {"in_progress", "pending"}),
        "works": _given(_THEIR_SIDE, NOT_OVER),
        "close": _given(CASE_WRITERS, {"resolved"}),
        "reopen": _given(CASE_WRITERS, {"resolved"}),
        "cancel": _given(CASE_WRITERS, WORKABLE),
        "cancellation": _given(ENGINEERS, {"assessing_cancellation"}),
        "withdraw_cancellation": _given(_THEIR_SIDE, {"assessing_cancellation"}),
        "redact": _given(MANAGERS, frozenset(get_args(CaseState))),
    }
)


def visible_to(caller: Principal) -> Rows:
    """Staff see every case, others those of their accounts. All that hangs below a case is seen with it."""
    return of_its_accounts(caller, Case.c.account_id)


async def case_for(
    caller: Principal, case_id: UUID, tx: Transaction, *, lock: bool = False, command: Command | None = None
) -> Case:
    """For a command it is locked, and its state has to take it. Raises NotFound, and for a command what `COMMANDS.permit` raises."""
    case = await visible(Case, case_id, visible_to(caller), tx, lock=lock or command is not None)
    if command:
        COMMANDS.permit(command, caller.role, case)
    return case


async def case_that_hears(caller: Principal, case_id: UUID, tx: Transaction, *, command: Command) -> Case:
    """As `case_for`, for what is said to a case: a duplicate's words are those of the case it was merged into, the last of a chain.

    Only that one is locked, unless it is merged meanwhile.
    """
    case = await case_for(caller, case_id, tx)
    while case.merged_into or (await case_for(caller, case.id, tx, lock=True)).merged_into:
        assert case.merged_into
        case = await case_for(caller, case.merged_into, tx)
    COMMANDS.permit(command, caller.role, case)
    return case


def shown_to(caller: Principal, column: Any) -> Rows:
    """Staff see everything that hangs below a case, others what is public."""
    return [] if caller.staff else [column == "public"]

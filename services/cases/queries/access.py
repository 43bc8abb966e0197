"""Who may read which case, and ask what of it."""

from typing import Any
from uuid import UUID

from libs.kit.auth import ACCOUNT_KEEPERS, CASE_WRITERS, ENGINEERS, MANAGERS, Principal
from libs.kit.rows import Rows, of_its_accounts, visible
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.lifecycle import CaseState, Command, possible

GIVEN_BY: dict[Command, frozenset[str]] = {
    "assign": ENGINEERS,
    "hand_over": ENGINEERS,
    "severity": ENGINEERS,
    "notes": CASE_WRITERS,
    "attachments": CASE_WRITERS,
    "diagnoses": ENGINEERS,
    "withdraw_diagnosis": ENGINEERS,
    "waits": ENGINEERS,
    "end_wait": ENGINEERS,
    "workaround": ENGINEERS,
    "problem": ENGINEERS,
    "revise": ENGINEERS,
    "partner_ticket_request": ACCOUNT_KEEPERS,
    "coverage_override": MANAGERS,
    "resolve": ENGINEERS,
    "close": CASE_WRITERS,
    "reopen": CASE_WRITERS,
    "cancel": CASE_WRITERS,
    "cancellation": ENGINEERS,
}
"""The roles of each command's route."""


def possible_for(role: str, state: CaseState) -> list[Command]:
    """What a caller of this role can do with a case in this state, sorted."""
    return [command for command in possible(state) if role in GIVEN_BY[command]]


def visible_to(caller: Principal) -> Rows:
    """Staff see every case, others those of their accounts. All that hangs below a case is seen with it."""
    return of_its_accounts(caller, Case.c.account_id)


async def case_for(
    caller: Principal, case_id: UUID, tx: Transaction, *, lock: bool = False, command: Command | None = None
) -> Case:
    """For a command it is locked, and its state has to take it. Raises NotFound, and for a command what `permit` raises."""
    case = await visible(Case, case_id, visible_to(caller), tx, lock=lock or command is not None)
    if command:
        case.permit(command, possible_for(caller.role, case.state))
    return case


def shown_to(caller: Principal, column: Any) -> Rows:
    """Staff see everything that hangs below a case, others what is public."""
    return [] if caller.staff else [column == "public"]

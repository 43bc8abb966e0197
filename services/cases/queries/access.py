"""Who may read which case."""

from typing import Any
from uuid import UUID

from libs.kit.auth import Principal
from libs.kit.rows import Rows, of_its_accounts, visible
from libs.store import Transaction
from services.cases.model.case import Case


def visible_to(caller: Principal) -> Rows:
    """Staff see every case, others those of their accounts. All that hangs below a case is seen with it."""
    return of_its_accounts(caller, Case.c.account_id)


async def case_for(caller: Principal, case_id: UUID, tx: Transaction, *, lock: bool = False) -> Case:
    """Raises NotFound."""
    return await visible(Case, case_id, visible_to(caller), tx, lock=lock)


def shown_to(caller: Principal, column: Any) -> Rows:
    """Staff see everything that hangs below a case, others what is public."""
    return [] if caller.staff else [column == "public"]

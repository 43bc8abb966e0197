"""Who may read what."""

from typing import Any, TypeVar
from uuid import UUID

from libs.kit.auth import Principal
from libs.kit.rows import Rows, of_its_accounts, visible
from libs.store import Entity, Transaction
from services.ecps.model.partner import Partner

E = TypeVar("E", bound=Entity)


def visible_to(caller: Principal, cls: type[Any]) -> Rows:
    """A cloud partner sees itself and what is its own, whosever the case; the partners there are, everybody else."""
    if caller.role == "partner":
        return [(cls.c.id if cls is Partner else cls.c.partner_id) == caller.partner_id]
    return [] if cls is Partner else of_its_accounts(caller, cls.c.account_id)


async def shown(cls: type[E], id: UUID, caller: Principal, tx: Transaction, *, lock: bool = False) -> E:
    """Raises NotFound."""
    return await visible(cls, id, visible_to(caller, cls), tx, lock=lock)

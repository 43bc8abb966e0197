"""Whose rows a caller may read and change: the predicate beside row-level security."""

from typing import Any, TypeVar
from uuid import UUID

from libs.kit.auth import Principal
from libs.kit.rows import Rows, of_its_accounts, visible
from libs.store import Entity, Transaction
from services.entitlements.model.account import Account

E = TypeVar("E", bound=Entity)


def visible_to(caller: Principal, cls: type[Any]) -> Rows:
    """Staff see what is every account's, others what is their accounts'."""
    return of_its_accounts(caller, cls.c.id if cls is Account else cls.c.account_id)


async def shown(cls: type[E], id: UUID, caller: Principal, tx: Transaction, *, lock: bool = False) -> E:
    """Raises NotFound."""
    return await visible(cls, id, visible_to(caller, cls), tx, lock=lock)


async def locked_with_account(cls: type[E], id: UUID, caller: Principal, tx: Transaction) -> tuple[E, Account]:
    """The thing, then its account, both locked: the order that every command takes. Raises NotFound."""
    entity = await shown(cls, id, caller, tx, lock=True)
    return entity, await Account.get(entity.account_id, tx, lock=True)  # type: ignore[attr-defined]


async def account_of(caller: Principal, account_id: UUID | None, tx: Transaction) -> Account:
    """The account a command is about, locked. Raises AccountRequired, NotFound."""
    return await Account.get(caller.account(account_id), tx, lock=True)

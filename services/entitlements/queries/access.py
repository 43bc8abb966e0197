"""Whose rows a caller may read and change: the predicate beside row-level security."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from libs.kit.auth import Principal
from libs.kit.paging import Page, PageParams, page
from libs.kit.rows import Rows, in_order, of_its_accounts, visible
from libs.store import Entity, Transaction
from services.entitlements.model.account import Account


class Out(BaseModel):
    """An answer, read from an entity's fields."""

    model_config = ConfigDict(from_attributes=True)


E = TypeVar("E", bound=Entity)
Shown = TypeVar("Shown", bound=Out)


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


async def listing(
    cls: type[E],
    out: type[Shown],
    paging: PageParams,
    tx: Transaction,
    *where: sa.ColumnElement[bool] | None,
    show: Callable[[E], Shown] | None = None,
) -> Page[Shown]:
    """A page in the order of ids, which is the order of making; conditions that are None restrict nothing."""
    after = paging.after(UUID)
    conditions = [each for each in where if each is not None]
    if after:
        conditions.append(cls.c.id > after[0])
    rows = await in_order(tx, cls, conditions, (cls.c.id,), paging.limit + 1)
    ids: Callable[[Any], tuple[UUID]] = lambda item: (item.id,)  # noqa: E731
    return page([(show or out.model_validate)(row) for row in rows], paging.limit, ids)


def equal(column: sa.ColumnElement[Any], value: object) -> sa.ColumnElement[bool] | None:
    """A filter that was given, or None."""
    return None if value is None else column == value

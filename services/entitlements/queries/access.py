"""Whose rows a caller may read and change: the predicate beside row-level security."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from libs.kit.auth import CUSTOMERS, STAFF, Principal
from libs.kit.paging import Page, PageParams, page
from libs.kit.problems import BadRequest
from libs.kit.rows import Rows, in_order, of_its_accounts, visible
from libs.store import Entity, NotFound, Transaction
from services.entitlements.model.account import Account

READERS = CUSTOMERS | STAFF
"""A depot and a technician find what they need of an account on the RMA and the work order."""
CUSTOMERS_AND_STAFF = ("customer", "reseller", "engineer", "manager", "admin")
"""Who keeps an account's own data: its people and its reseller, and support for a caller."""


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


async def account_of(caller: Principal, account_id: UUID | None, tx: Transaction) -> Account:
    """The account a command is about, locked. Raises BadRequest, NotFound."""
    return await Account.get(account_id_of(caller, account_id), tx, lock=True)


def account_id_of(caller: Principal, account_id: UUID | None) -> UUID:
    """The account a command is about; a caller with one account need not name it. Raises BadRequest, NotFound."""
    if account_id is None:
        if len(caller.accounts) != 1:
            raise BadRequest("Say which account: account_id.")
        (account_id,) = caller.accounts
    if not caller.may_see(account_id):
        raise NotFound("account", account_id)
    return account_id


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

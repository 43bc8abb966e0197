"""Who may read what, and how lists are paged."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from libs.kit.auth import Principal
from libs.kit.paging import Page, PageParams, page
from libs.store import Entity, Transaction

READERS = ("customer", "reseller", "partner", "integrator", "engineer", "manager", "ops", "admin")
"""A cloud partner sees what is its own: see `mine` and `shown`."""
E = TypeVar("E", bound=Entity)


class Out(BaseModel):
    """An answer, read from an entity's fields."""

    model_config = ConfigDict(from_attributes=True)


def shown(caller: Principal, *, account_id: UUID, partner_id: UUID) -> bool:
    """The predicate beside row-level security."""
    if caller.role == "partner":
        return caller.partner_id == partner_id
    return caller.may_see(account_id)


def mine(caller: Principal, cls: type[Any], *, partner: Any = None) -> list[sa.ColumnElement[bool]]:
    """The same for a list; `partner` is the column that names the partner, when it is not `partner_id`."""
    if caller.role == "partner":
        column = partner if partner is not None else cls.c.partner_id
        return [column == caller.partner_id]
    return [] if caller.staff else [cls.c.account_id.in_(caller.accounts)]


def equal(**filters: tuple[Any, object]) -> list[sa.ColumnElement[bool]]:
    """The filters that were given."""
    return [column == value for column, value in filters.values() if value is not None]


async def newest(
    tx: Transaction,
    cls: type[E],
    where: list[sa.ColumnElement[bool]],
    paging: PageParams,
    out: Callable[[E], Any],
    at: str = "created_at",
) -> Page[Any]:
    """A page of rows, the newest first."""
    column = cls.c[at]
    if after := paging.after(datetime, UUID):
        key = sa.tuple_(sa.literal(after[0], column.type), sa.literal(after[1], cls.c.id.type))
        where = [*where, sa.tuple_(column, cls.c.id) < key]
    found = await tx.select(cls, *where, order_by=(column.desc(), cls.c.id.desc()), limit=paging.limit + 1)
    rows = page(found, paging.limit, lambda row: (getattr(row, at), row.id))
    return Page(items=[out(row) for row in rows.items], next_cursor=rows.next_cursor)

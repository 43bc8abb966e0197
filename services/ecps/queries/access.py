"""Who may read what, and how lists are paged."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from libs.kit.auth import Principal
from libs.kit.paging import Page, PageParams, page
from libs.kit.rows import Rows, in_order, of_its_accounts, visible
from libs.store import Entity, Transaction
from services.ecps.model.partner import Partner

E = TypeVar("E", bound=Entity)


class Out(BaseModel):
    """An answer, read from an entity's fields."""

    model_config = ConfigDict(from_attributes=True)


def visible_to(caller: Principal, cls: type[Any]) -> Rows:
    """A cloud partner sees itself and what is its own, whosever the case; the partners there are, everybody else."""
    if caller.role == "partner":
        return [(cls.c.id if cls is Partner else cls.c.partner_id) == caller.partner_id]
    return [] if cls is Partner else of_its_accounts(caller, cls.c.account_id)


async def shown(cls: type[E], id: UUID, caller: Principal, tx: Transaction, *, lock: bool = False) -> E:
    """Raises NotFound."""
    return await visible(cls, id, visible_to(caller, cls), tx, lock=lock)


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
    found = await in_order(tx, cls, where, (column.desc(), cls.c.id.desc()), paging.limit + 1)
    rows = page(found, paging.limit, lambda row: (getattr(row, at), row.id))
    return Page(items=[out(row) for row in rows.items], next_cursor=rows.next_cursor)

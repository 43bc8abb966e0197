"""Who may read which case, and how lists are paged."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from libs.events.values import NoteVisibility
from libs.kit.auth import Principal
from libs.kit.paging import Page, PageParams, page
from libs.kit.rows import Rows, in_order, of_its_accounts, visible
from libs.store import Entity, Transaction
from services.cases.model.case import Case


def visible_to(caller: Principal) -> Rows:
    """Staff see every case, others those of their accounts. All that hangs below a case is seen with it."""
    return of_its_accounts(caller, Case.c.account_id)


async def case_for(caller: Principal, case_id: UUID, tx: Transaction, *, lock: bool = False) -> Case:
    """Raises NotFound."""
    return await visible(Case, case_id, visible_to(caller), tx, lock=lock)


def shown_to(caller: Principal, column: Any, wanted: NoteVisibility | None = None) -> list[sa.ColumnElement[bool]]:
    shown = [] if caller.staff else [column == "public"]
    return [*shown, column == wanted] if wanted else shown


def json_contains(column: Any, value: object) -> sa.ColumnElement[bool]:
    """`column @> value`."""
    found: sa.ColumnElement[bool] = column.op("@>")(sa.cast(sa.literal(json.dumps(value), sa.Text), JSONB))
    return found


async def newest(
    tx: Transaction, cls: type[Any], at: Any, where: list[sa.ColumnElement[bool]], paging: PageParams, out: Any
) -> Page[Any]:
    """A page of rows by falling (`at`, id)."""
    if key := paging.after(datetime, UUID):
        where = [
            *where,
            sa.tuple_(at, cls.c.id)
            < sa.tuple_(*(sa.literal(part, c.type) for part, c in zip(key, (at, cls.c.id), strict=True))),
        ]
    found: list[Entity] = await in_order(tx, cls, where, (at.desc(), cls.c.id.desc()), paging.limit + 1)
    rows = page(found, paging.limit, lambda row: (getattr(row, at.name), row.id))
    return Page(items=[out(row) for row in rows.items], next_cursor=rows.next_cursor)

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
from libs.store import Entity, NotFound, Transaction
from services.cases.model.case import Case

READERS = (
    "customer", "reseller", "partner", "integrator", "engineer", "manager", "depot", "technician", "ops", "admin",
)  # fmt: skip


async def case_for(caller: Principal, case_id: UUID, tx: Transaction, *, lock: bool = False) -> Case:
    """The case, if this caller may see it. Raises NotFound for one of another account just as for none."""
    case = await Case.get(case_id, tx, lock=lock)
    if not caller.may_see(case.account_id):
        raise NotFound("case", case_id)
    return case


def seen_by(caller: Principal, column: Any) -> list[sa.ColumnElement[bool]]:
    """The predicate beside row-level security."""
    return [] if caller.staff else [column.in_(caller.accounts)]


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
    found: list[Entity] = await tx.select(cls, *where, order_by=(at.desc(), cls.c.id.desc()), limit=paging.limit + 1)
    rows = page(found, paging.limit, lambda row: (getattr(row, at.name), row.id))
    return Page(items=[out(row) for row in rows.items], next_cursor=rows.next_cursor)

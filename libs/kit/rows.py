"""Which rows of an aggregate a caller sees.

Each service says it once for each aggregate, in a function `visible_to(caller)`; the same conditions narrow a list, find the one
row that is read, and find and lock the one that a command changes. `docs/access.md` has them all in one table.
"""

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.sql import operators

from libs.kit.auth import Principal
from libs.store import Entity, NotFound, Transaction
from libs.store.entity import spoken

E = TypeVar("E", bound=Entity)
_BRANCHES = 200
Rows = list[sa.ColumnElement[bool]]
"""Conditions that the rows meet; none: every row."""


def of_its_accounts(caller: Principal, account: Any) -> Rows:
    """Every row for staff, for others those whose `account` column is one of theirs."""
    return [] if caller.staff else [account.in_(caller.accounts)]


async def visible(
    cls: type[E], id: UUID, rows: Sequence[sa.ColumnElement[bool]], tx: Transaction, *, lock: bool = False
) -> E:
    """The row with this id, if it is among `rows`. Raises NotFound for one that is not, just as for none."""
    if not rows:
        return await cls.get(id, tx, lock=lock)
    found = await tx.first(cls, cls.c.id == id, *rows, lock=lock)
    if found is None:
        raise NotFound(spoken(cls), id)
    return found


async def in_order(
    tx: Transaction, cls: type[E], rows: Sequence[sa.ColumnElement[bool]], order: Sequence[Any], limit: int
) -> list[E]:
    """The first of `rows` in this `order`, to be read only.

    An index holds the rows of one value in the order of a list, and those of several values in none: of each value in a
    condition `column IN (values)` the first rows are read by themselves, and put together.
    """
    lists = [each for each in rows if len(_values(each)) > 1]
    if not lists or prod(len(_values(each)) for each in lists) > _BRANCHES:
        return await tx.select(cls, *rows, order_by=order, limit=limit)
    others = [each for each in rows if len(_values(each)) < 2]
    keys = [each.element if _falls(each) else each for each in order]
    columns = *cls.table.c, *(key.label(f"key_{n}") for n, key in enumerate(keys))
    branches = [
        sa.select(*columns).where(*others, *(each.left == value for each, value in zip(lists, values, strict=True)))
        .order_by(*order).limit(limit)
        for values in product(*map(_values, lists))
    ]  # fmt: skip
    found = sa.union_all(*branches).subquery()
    ordered = [found.c[f"key_{n}"].desc() if _falls(each) else found.c[f"key_{n}"] for n, each in enumerate(order)]
    query = sa.select(*(found.c[column.name] for column in cls.table.c)).order_by(*ordered).limit(limit)
    return [cls.from_record(record.items()) for record in await tx.fetch(query)]


def _values(condition: Any) -> list[Any]:
    """Those of a `column IN (values)`; of any other condition none."""
    if getattr(condition, "operator", None) is not operators.in_op or not getattr(condition.right, "expanding", False):
        return []
    return list(dict.fromkeys(condition.right.value))


def _falls(key: Any) -> bool:
    return getattr(key, "modifier", None) is operators.desc_op

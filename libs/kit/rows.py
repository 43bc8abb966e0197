"""Which rows of an aggregate a caller sees.

Each service says it once for each aggregate, in a function `visible_to(caller)`; the same conditions narrow a list, find the one
row that is read, and find and lock the one that a command changes. `docs/access.md` has them all in one table.
"""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from libs.kit.auth import Principal
from libs.store import Entity, NotFound, Transaction
from libs.store.entity import spoken

E = TypeVar("E", bound=Entity)
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

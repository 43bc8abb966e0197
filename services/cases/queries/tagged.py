"""The cases of one tag, in the order of the list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from libs.kit.auth import Principal
from libs.kit.problems import Forbidden
from libs.kit.rows import Rows
from services.cases.model.case import Case
from services.cases.model.case_indexes import case_tags


@dataclass(frozen=True)
class Tagged:
    """Conditions on the cases, and what they are sorted by in the place of a column."""

    rows: Rows = field(default_factory=list)
    keys: Mapping[str, sa.ColumnElement[Any]] = field(default_factory=dict)


def tagged(tag: str | None, caller: Principal, sort: str) -> Tagged:
    """All cases for None. Raises Forbidden.

    The ids come in the order of the list, and the cases are read until a page is full. Left to itself PostgreSQL takes a tag for that of
    few cases, and reads and sorts all of them where it is that of every third.
    """
    if tag is None:
        return Tagged()
    if not caller.staff:
        raise Forbidden("Tags are among ourselves.", field="tag")
    order = [case_tags.c.opened_at, case_tags.c.case_id]
    found = sa.select(*order).where(case_tags.c.tag == tag).offset(sa.literal_column("0"))  # planned by itself
    its = found.order_by(*([each.desc() for each in order] if sort.startswith("-") else order)).subquery()
    return Tagged([its.c.case_id == Case.c.id], {"opened_at": its.c.opened_at})

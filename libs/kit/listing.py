"""Lists: what may be asked of one, in which order its rows come, page after page.

    class RmaList(Listing):
        case_id: UUID | None = None                   # rows whose column of this name is equal
        state: list[OutboundState] | None = None      # or one of these
        created_from: Instant | None = None           # rows whose `created_at` is not before it; `created_before`: before it
        sort: str = order("-created_at")

    @router.get("/v1/rmas", dependencies=[allow(*RMA_READERS)])
    async def list_rmas(tx: Tx, caller: Caller, asked: Annotated[RmaList, Query()]) -> Page[RmaOut]:
        return await listed(tx, Rma, asked, visible_to(caller), out=RmaOut.model_validate)

A page goes on after the key of the last row, never at an offset, so that a list that grows skips nothing and repeats nothing.
Every filter and every order has its index: `tests/contract/test_lists.py` reads them from the OpenAPI document.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import isawaitable
from itertools import product
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar, get_args, get_origin

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql import operators

from libs.events import labels
from libs.events.values import Instant
from libs.kit.fields import Storable
from libs.kit.names import Found, has_words
from libs.kit.paging import Key, Page, decode_cursor, encode_cursor
from libs.kit.problems import BadRequest
from libs.kit.rows import Rows
from libs.store import Entity, Transaction

E = TypeVar("E", bound=Entity)
_BRANCHES = 200
MOST_COUNTED = 1_000
COUNTS = f"the filters of which each value is counted, at most {MOST_COUNTED:,} of each"
_RANGES: dict[str, Callable[[Any, Any], Any]] = {"_from": operators.ge, "_since": operators.ge, "_before": operators.lt}


class Out(BaseModel):
    """An answer, read from an entity's fields."""

    model_config = ConfigDict(from_attributes=True)


class UnknownOrder(BadRequest):
    title = "No such order"


def order(*names: str) -> Any:
    """The columns a list can be sorted by, each both ways; it is sorted by the first, as written, unless asked otherwise."""
    default, *_ = names
    both = dict.fromkeys(each for name in names for each in (name, name[1:] if name[0] == "-" else f"-{name}"))
    return Field(
        default, max_length=60, pattern="^[ -~]*$", description="`-`: falling", json_schema_extra={"enum": list(both)}
    )


class Listing(BaseModel):
    """The query of a list: which page, in which order, and the filters that a list adds.

    A filter that is called as no column is, nor as the end of a range, is the route's own to apply, and so are those of `own`.
    `keys` holds what is sorted by where it is no column, and may not be null. `found_by` are the columns of which one is what
    `q` says: a number or a serial, however it was typed. Of what is `Named` or `Found`, `name` and `q` are those of libs.kit.names.
    """

    keys: ClassVar[Mapping[str, sa.ColumnElement[Any]]] = {}
    found_by: ClassVar[Sequence[str]] = ()
    own: ClassVar[frozenset[str]] = frozenset()

    limit: int = Field(50, ge=1, le=200, description="items in a page")
    cursor: Annotated[str, StringConstraints(max_length=1000), Storable] | None = Field(
        None, description="`next_cursor` of the page before"
    )
    sort: str = order("id")

    @classmethod
    def orders(cls) -> list[str]:
        """Those that are offered; the first is the usual one."""
        extra: Any = cls.model_fields["sort"].json_schema_extra
        found: list[str] = extra["enum"]
        return found

    def sorted_by(self) -> tuple[str, bool]:
        """The column, and whether it falls. Raises UnknownOrder."""
        if self.sort not in (known := self.orders()):
            raise UnknownOrder("This list is not sorted so.", sort=self.sort, known=known)
        return self.sort.removeprefix("-"), self.sort.startswith("-")

    def cursor_after(self, key: Key) -> str:
        """The cursor of the page that goes on after this key. One of another order than the usual says of which."""
        return encode_cursor(key if self._is_usual else (self.sort, *key))

    def after(self, *kinds: type) -> Key | None:
        """The key to go on after, of these kinds; None at the beginning. Raises BadRequest for a cursor of another list or order."""
        if self.cursor is None:
            return None
        if self._is_usual:
            return decode_cursor(self.cursor, *kinds)
        said, *key = decode_cursor(self.cursor, str, *kinds)
        if said != self.sort:
            raise BadRequest("The cursor is not of this order; begin again without it.")
        return tuple(key)

    @property
    def _is_usual(self) -> bool:
        return self.sort == self.orders()[0]


class DatedListing(Listing):
    """A list of an entity that has `updated_at`: what changed since, in the order of the changes, to be kept in step with.

    A transaction may go on for minutes: a statement of it ends within one, and it waits for half of one (`libs/store/database.py`).
    """

    updated_since: Instant | None = Field(
        None,
        description="rows whose `updated_at` is not before it, in this order unless `sort=-updated_at`. A change is seen when "
        "it is committed, a little after its time: ask from five minutes before the newest `updated_at` that you have",
    )

    @model_validator(mode="after")
    def _in_order_of_changes(self) -> Self:
        """Rows of one end of time are few to look at in that order, and may be all there are in any other."""
        if self.updated_since is not None and self.sort.removeprefix("-") != "updated_at":
            if "sort" in self.model_fields_set:
                known = ["updated_at", "-updated_at"]
                raise UnknownOrder("What changed since comes in the order of the changes.", sort=self.sort, known=known)
            self.sort = "updated_at"
        return self


class Summarised(Listing):
    """A list of large answers: each row as one line of a board, if asked for."""

    view: Literal["full", "summary"] = Field(
        "full", description="`summary`: of each row what one line of a board shows"
    )


async def listed(
    tx: Transaction,
    cls: type[E],
    asked: Listing,
    rows: Sequence[sa.ColumnElement[bool]] = (),
    *,
    out: Callable[[E], Any],
    beside: Callable[[Sequence[E]], Awaitable[object]] | None = None,
    summary: type[Out] | None = None,
    by: Mapping[str, sa.ColumnElement[Any]] | None = None,
) -> Page[Any]:
    """A page of those of `rows` that were asked for, each as `out` shows it or in `summary`, with the ETag of each.

    The rows are to be read only. `out` may be a coroutine, where a row is shown with what stands elsewhere; `beside` reads that for
    all of the page at once. `by` is what this one request is sorted by in the place of a column, and may not be null.
    """
    if summary and isinstance(asked, Summarised) and asked.view == "summary":
        out, beside = summary.model_validate, None
    name, falls = asked.sorted_by()
    column = {**asked.keys, **(by or {})}.get(name, cls.c.get("sort_key" if name == "name" else name))
    keys = [column] if name == "id" else [column, cls.c.id]
    where = [*rows, *asked_for(asked, cls)]
    if after := asked.after(*(key.type.python_type for key in keys)):
        here = sa.tuple_(*keys)
        there = sa.tuple_(*(sa.literal(part, key.type) for part, key in zip(after, keys, strict=True)))
        where.append(here < there if falls else here > there)
    found = await _in_order(tx, cls, where, keys, falls, asked.limit + 1)
    shown, more = found[: asked.limit], len(found) > asked.limit
    items: list[Any] = []
    if beside:
        await beside([row for row, _ in shown])
    for row, _ in shown:
        item = out(row)
        items.append(await item if isawaitable(item) else item)
    return Page(
        items=items,
        next_cursor=asked.cursor_after(shown[-1][1]) if more else None,
        etags={str(row.id): f'"{row.revision}"' for row, _ in shown},
        counts=await _counted(tx, cls, asked, rows),
    )


def is_set(column: Any, wanted: bool | None) -> Rows:
    """Rows that have this column, or have it not; all of them for None."""
    return [] if wanted is None else [column.is_not(None) if wanted else column.is_(None)]


def contains(column: Any, value: object) -> sa.ColumnElement[bool]:
    """JSON that contains this (`@>`)."""
    found: sa.ColumnElement[bool] = column.op("@>")(sa.cast(sa.literal(json.dumps(value), sa.Text), JSONB))
    return found


def found_first(cls: type[Entity], *conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Rows that meet one of the conditions, looked up by its own index: of a few, none is met on a walk in the list's order."""
    ids = sa.union_all(*(sa.select(cls.c.id).where(each) for each in conditions))
    found: sa.ColumnElement[bool] = cls.c.id == sa.any_(sa.func.array(ids.scalar_subquery()))
    return found


def asked_for(asked: Listing, cls: type[Entity]) -> Rows:
    """The filters that are columns, or ranges of them."""
    found: Rows = []
    columns = {**cls.c, **asked.keys}
    for name, value in asked:
        stem, _, end = name.rpartition("_")
        ranged = next((columns[each] for each in (f"{stem}_at", stem) if each in columns), None)
        if value is None or name in Listing.model_fields or name in asked.own:
            continue
        if name == "q" and asked.found_by:
            label = labels.serial(value)
            found.append(found_first(cls, *(cls.c[each] == label for each in asked.found_by)))
        elif name == "q" and issubclass(cls, Found):
            found.append(has_words(cls.c.words, value))
        elif name in cls.c:
            found.append(cls.c[name].in_(value) if isinstance(value, list) else cls.c[name] == value)
        elif f"_{end}" in _RANGES and ranged is not None:
            found.append(_RANGES[f"_{end}"](ranged, value))
    return found


async def _counted(
    tx: Transaction, cls: type[Entity], asked: Listing, rows: Sequence[sa.ColumnElement[bool]]
) -> dict[str, dict[str, int]]:
    """Of each value of the filters that `counts` names, as if that filter was not asked for; `MOST_COUNTED` stands for more, too."""
    counts: dict[str, dict[str, int]] = {}
    for name in getattr(asked, "counts", None) or ():
        here = [*rows, *asked_for(asked.model_copy(update={name: None}), cls)]
        each = [
            sa.select(
                sa.literal(value).label("value"),
                sa.select(sa.func.count())
                .select_from(sa.select(cls.c.id).where(*here, cls.c[name] == value).limit(MOST_COUNTED).subquery())
                .scalar_subquery()
                .label("found"),
            )
            for value in _choices(type(asked).model_fields[name].annotation)
        ]
        counts[name] = {record["value"]: record["found"] for record in await tx.fetch(sa.union_all(*each))}
    return counts


def _choices(hint: Any) -> list[str]:
    """The values of the `Literal` in this type."""
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    return [value for each in get_args(hint) for value in _choices(each)]


async def _in_order(
    tx: Transaction, cls: type[E], rows: Rows, keys: Sequence[Any], falls: bool, limit: int
) -> list[tuple[E, Key]]:
    """The first of `rows` in this order, each with its key.

    An index holds the rows of one value in the order of a list, and those of several values in none: of each value of the
    first condition `column IN (values)`, a caller's accounts before any filter, the first rows are read by themselves, and put together.
    So are those of each pair of values of the first two, where an index begins with both.
    """
    columns = *cls.table.c, *(key.label(f"key_{n}") for n, key in enumerate(keys))
    several = [each for each in rows if 1 < len(_values(each)) <= _BRANCHES][:2]
    lefts = [each.left for each in several]
    if len(several) == 2 and not _has_index(cls, *lefts, *keys):
        del several[1:], lefts[1:]
    if not several and len(rows) == 1 and _is_equal(rows[0]) and _has_index(cls, column := rows[0].left, *keys):
        # As a range, and in an order that its own index alone has: a plan made for any value would walk through all rows for a rare
        # one. The pair is for the planner, who takes a plain range for so few rows that sorting them is nothing.
        value = rows[0].right
        within = column >= value, sa.tuple_(column, column) <= sa.tuple_(value, value)
        query = _first(sa.select(*columns).where(*within), [column, *keys], falls, limit)
    elif not several:
        query = _first(sa.select(*columns).where(*rows), keys, falls, limit)
    else:
        others = [each for each in rows if not any(each is one for one in several)]
        branches = [
            _first(sa.select(*columns).where(*map(operators.eq, lefts, values), *others), keys, falls, limit)
            for values in product(*map(_values, several))
        ]
        found = sa.union_all(*branches).subquery()
        query = _first(sa.select(found), [found.c[f"key_{n}"] for n, _ in enumerate(keys)], falls, limit)
    width = len(cls.table.c)
    records = [list(record.items()) for record in await tx.fetch(query)]
    return [(cls.from_record(each[:width]), tuple(value for _, value in each[width:])) for each in records]


def _first(query: sa.Select[Any], keys: Sequence[Any], falls: bool, limit: int) -> sa.Select[Any]:
    return query.order_by(*(key.desc() if falls else key for key in keys)).limit(limit)


def _has_index(cls: type[Entity], *columns: Any) -> bool:
    names = [getattr(column, "name", None) for column in columns]
    return any([column.name for column in index.columns] == names for index in cls.table.indexes)


def _is_equal(condition: Any) -> bool:
    """Not of true and false, which stand in the statement itself: its plan is made for them."""
    return getattr(condition, "operator", None) is operators.eq and not isinstance(condition.left.type, sa.Boolean)


def _values(condition: Any) -> list[Any]:
    """Those of a `column IN (values)`; of any other condition none."""
    if getattr(condition, "operator", None) is not operators.in_op or not getattr(condition.right, "expanding", False):
        return []
    return list(dict.fromkeys(condition.right.value))

"""Lists in pages: `{items, next_cursor}` after a sort key, never an offset, so that a growing list skips nothing."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from libs.kit.fields import Storable, storable
from libs.kit.problems import BadRequest

Part = UUID | int | str | datetime | date
Key = tuple[Part, ...]
T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page; no `next_cursor` means the last."""

    items: list[T]
    next_cursor: str | None = None
    etags: dict[str, str] = Field({}, description="the ETag of each item that can be changed, by its id: for If-Match")
    counts: dict[str, dict[str, int]] = Field({}, description="where asked for: how many there are of each value")

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """`CasePage`: a name that every language can have."""
        return f"{params[0].__name__.removesuffix('Out')}Page"


def _tagged(value: Part) -> int | dict[str, str]:
    match value:
        case UUID():
            return {"u": value.hex}
        case datetime() if value.tzinfo:
            return {"t": value.isoformat()}
        case date() if not isinstance(value, datetime):
            return {"d": value.isoformat()}
        case str():
            return {"s": value}
        case int():
            return value
    raise ValueError("a key holds ids, integers, text, days and aware instants")


def encode_cursor(key: Key) -> str:
    """The sort key of a page's last item, as text that callers hand back and do not read."""
    text = json.dumps([_tagged(value) for value in key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


_READ: dict[str, Callable[[str], Part]] = {
    "u": UUID, "t": datetime.fromisoformat, "d": date.fromisoformat, "s": storable,
}  # fmt: skip


def _untagged(value: object) -> Part:
    match value:
        case int() if type(value) is int and abs(value) < 2**63:
            return value
        case dict():
            [(kind, text)] = value.items()
            return _READ[kind](text)
    raise ValueError("not a part of a key")


def decode_cursor(cursor: str, *kinds: type) -> Key:
    """The sort key again; raises BadRequest for a cursor that is not ours, or whose key is not of these `kinds`."""
    try:
        tagged = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        key: Key = tuple(map(_untagged, tagged))
        ours = encode_cursor(key) == cursor
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        ours, key = False, ()
    if not ours or (kinds and [*map(type, key)] != [*kinds]):
        raise BadRequest("The cursor is not one that this list gave out; begin again without it.")
    return key


class PageParams:
    """`limit` and `cursor` of a list request. Fetch `limit + 1` rows after the key; `page` makes the page of them."""

    def __init__(self, limit: int = 50, cursor: str | None = None) -> None:
        """Raises BadRequest for a cursor that is not ours."""
        self.limit, self._cursor = limit, cursor
        if cursor is not None:
            decode_cursor(cursor)

    def after(self, *kinds: type) -> Key | None:
        """The key to go on after, of the list's own `kinds` (`params.after(datetime, UUID)`); None at the beginning."""
        return None if self._cursor is None else decode_cursor(self._cursor, *kinds)


async def _paging(
    limit: Annotated[int, Query(ge=1, le=200, description="items in a page")] = 50,
    cursor: Annotated[
        str | None, Storable, Query(max_length=1000, description="`next_cursor` of the page before")
    ] = None,
) -> PageParams:
    return PageParams(limit, cursor)


Paging = Annotated[PageParams, Depends(_paging)]


def page(items: Sequence[T], limit: int, key: Callable[[T], Key]) -> Page[T]:
    """A page of `items`, of which the caller fetched up to `limit + 1`; `key` is the sort key of one."""
    more = len(items) > limit
    return Page(items=list(items[:limit]), next_cursor=encode_cursor(key(items[limit - 1])) if more else None)

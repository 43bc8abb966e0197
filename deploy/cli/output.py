"""What commands print: a table for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from typing import Any

_AS_JSON = ContextVar("as_json", default=False)


def print_json(found: object) -> None:
    """One line; times as ISO 8601, ids as text."""
    print(json.dumps(found, default=_plain, ensure_ascii=False), flush=True)


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, marked: Iterable[int] = ()) -> None:
    """Aligned columns, numbers to the right; the rows with these indexes are marked `!`, on a terminal in red."""
    cells = [[_cell(value) for value in row] for row in rows]
    numeric = [all(_is_number(row[i]) for row in cells) for i in range(len(headers))]
    if sys.stdout.isatty():
        _print_rich(headers, cells, numeric, frozenset(marked))
        return
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    for index, row in enumerate([list(headers), *cells]):
        mark = "! " if index - 1 in marked else "  "
        aligned = (f"{c:>{w}}" if n else f"{c:<{w}}" for c, w, n in zip(row, widths, numeric, strict=True))
        print((mark + "  ".join(aligned)).rstrip())


def _print_rich(
    headers: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool], marked: frozenset[int]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header, right in zip(headers, numeric, strict=True):
        table.add_column(header, justify="right" if right else "left", overflow="fold")
    for index, row in enumerate(cells):
        table.add_row(*map(escape, row), style="bold red" if index in marked else "")
    Console(highlight=False).print(table)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.1f} s" if isinstance(value, float) else str(value)


def _is_number(cell: str) -> bool:
    return cell in ("–", "") or cell.removesuffix(" s").replace(".", "", 1).isdigit()


def one_line(error: object) -> str:
    """A message without its line breaks; an exception with its type and its notes."""
    if isinstance(error, BaseException):
        notes = getattr(error, "__notes__", [])
        error = "; ".join([f"{type(error).__name__}: {error}" if str(error) else repr(error), *notes])
    return " ".join(str(error or "").split())


def brief(error: object, *, most: int = 120) -> str:
    """The beginning of such a message."""
    whole = one_line(error)
    return whole if len(whole) <= most else f"{whole[: most - 1].rstrip()}…"


def speak(*, as_json: bool) -> None:
    """How this process tells of trouble from now on."""
    _AS_JSON.set(as_json)


def complain(what: str) -> None:
    """Trouble beside the result, on standard error: a line, or for programs an object."""
    print(
        json.dumps({"trouble": what}, ensure_ascii=False) if _AS_JSON.get() else f"poly+: {what}",
        file=sys.stderr,
        flush=True,
    )


def fail(what: str) -> None:
    """Why there is no result: for programs that is the result, on standard output."""
    if _AS_JSON.get():
        print_json({"error": what})
    else:
        complain(what)

"""A table as a spreadsheet saves it, its first row the names of the columns: CSV, or Excel's "Unicode text"."""

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from libs.kit.problems import BadRequest
from libs.kit.text import words

MAX_ROWS = 5000
_SEPARATORS = ",;\t"
_BEYOND = "cells beyond the heading"
"""A property that nothing has: it makes the row invalid."""


def rows_of(
    body: bytes, *, columns: Sequence[str], required: Sequence[str], headings: Mapping[str, str], most: int = MAX_ROWS
) -> dict[int, dict[str, Any]]:
    """The rows by their number, which counts from 1 beneath the heading, blank rows too; of each the cells that are not empty.

    UTF-8, or UTF-16 that says so by its first bytes; cells parted by commas, semicolons or tabs. `headings` are other names of
    `columns`, as `words` makes them. Raises BadRequest when it cannot be read, lacks a required column, has one that is unknown
    or there twice, has no row or more than `most`.
    """
    text = _decoded(body)
    separator, said = "", text[:5].lower()
    if said.startswith("sep=") and said[4:]:
        separator, text = text[4], text.partition("\n")[2]
    heading = text.partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=None), delimiter=separator or max(_SEPARATORS, key=heading.count), strict=True
    )
    records = _records(reader)
    names = _names(next(records, []), columns, headings)
    if missing := [name for name in required if name not in names]:
        raise BadRequest(f"The heading lacks {' and '.join(missing)}.", known=list(columns))
    rows = {}
    for number, record in enumerate(records, 1):
        if cells := _cells(names, record):
            rows[number] = cells
        if len(rows) > most:
            raise BadRequest(f"At most {most} rows in one request.", limit=most)
    if not rows:
        raise BadRequest("There is no row beneath the heading.")
    return rows


def _decoded(body: bytes) -> str:
    is_utf16 = body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return body.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise BadRequest(
            "A table is sent in UTF-8, or as Excel's Unicode text. In Excel, save it as CSV UTF-8."
        ) from None


def _records(reader: Any) -> Iterator[list[str]]:
    while True:
        line = reader.line_num + 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise BadRequest(
                f"Line {line}: a quote is opened and not closed, or something stands behind the closing one.", line=line
            ) from None


def _names(heading: Sequence[str], columns: Sequence[str], headings: Mapping[str, str]) -> list[str | None]:
    """Of each cell of the heading its column; None for one without words."""
    known = {" ".join(words(column)): column for column in columns}
    known |= {said: column for said, column in headings.items() if column in columns}
    names: list[str | None] = []
    for cell in heading:
        said = " ".join(words(cell))
        if said and said not in known:
            raise BadRequest(f"There is no column {cell.strip()[:100]!r} here.", known=list(columns))
        name = known.get(said)
        if name and name in names:
            raise BadRequest(f"Two columns say {name}.", known=list(columns))
        names.append(name)
    return names


def _cells(names: Sequence[str | None], record: Sequence[str]) -> dict[str, Any]:
    cells: dict[str, Any] = {}
    for place, cell in enumerate(record):
        if said := cell.strip():
            cells[(names[place] if place < len(names) else None) or _BEYOND] = said
    return cells

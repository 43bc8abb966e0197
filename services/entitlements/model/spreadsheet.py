"""A table as a spreadsheet saves it: CSV in UTF-8, its first row the names of the columns."""

import csv
import io
from collections.abc import Collection, Iterable
from typing import Any

from libs.kit.problems import BadRequest

MAX_ROWS = 5000


def rows_of(body: bytes, *, columns: Collection[str], required: Collection[str]) -> list[dict[str, Any]]:
    """The rows by column, empty cells left out. Cells are parted by commas or semicolons.

    Raises BadRequest when it cannot be read, lacks a required column, has an unknown one, has no row or more than MAX_ROWS.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRequest("A CSV is sent in UTF-8.") from None
    heading = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if heading.count(";") > heading.count(",") else ",")
    names = [name.strip() for name in reader.fieldnames or ()]
    if not set(required) <= set(names) <= set(columns):
        needed = " and ".join(required)
        raise BadRequest(f"The heading names {needed}, and no column we do not know.", known=list(columns))
    reader.fieldnames = names
    try:
        rows = [_cells(row) for row in _limited(reader)]
    except csv.Error as error:
        raise BadRequest(f"Line {reader.line_num} is no CSV: {error}.") from None
    if not rows:
        raise BadRequest("There is no row beneath the heading.")
    return rows


def _cells(row: dict[str | Any, Any]) -> dict[str, Any]:
    """Cells beyond the heading make the row invalid, by a property that nothing has."""
    return {str(name) if name else "cells beyond the heading": value for name, value in row.items() if value}


def _limited(rows: Iterable[dict[str | Any, Any]]) -> Iterable[dict[str | Any, Any]]:
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            raise BadRequest(f"At most {MAX_ROWS} rows in one request.", limit=MAX_ROWS)
        yield row

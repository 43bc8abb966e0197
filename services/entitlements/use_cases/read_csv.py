"""A list of units as a spreadsheet saves it."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from libs.kit.problems import BadRequest
from services.entitlements.use_cases.claim_units import UnitToRegister

MAX_ROWS = 5000
COLUMNS = tuple(UnitToRegister.model_fields)


def read_csv(body: bytes) -> list[dict[str, Any]]:
    """Rows by heading, empty cells left out; comma or semicolon, as spreadsheets write them. Raises BadRequest."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRequest("A CSV is sent in UTF-8.") from None
    heading = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if heading.count(";") > heading.count(",") else ",")
    names = [name.strip() for name in reader.fieldnames or ()]
    if not {"product_number", "serial"} <= set(names) or set(names) - set(COLUMNS):
        raise BadRequest("The heading names product_number and serial, and no column we do not know.", known=COLUMNS)
    reader.fieldnames = names
    try:
        rows = [_cells(row) for row in _limited(reader)]
    except csv.Error as error:
        raise BadRequest(f"Line {reader.line_num} is no CSV: {error}.") from None
    if not rows:
        raise BadRequest("There is no row beneath the heading.")
    return rows


def _cells(row: dict[str | Any, Any]) -> dict[str, Any]:
    """Cells beyond the heading make the row invalid, by a property that no unit has."""
    return {str(name) if name else "cells beyond the heading": value for name, value in row.items() if value}


def _limited(rows: Iterable[dict[str | Any, Any]]) -> Iterable[dict[str | Any, Any]]:
    for number, row in enumerate(rows, 1):
        if number > MAX_ROWS:
            raise BadRequest(f"At most {MAX_ROWS} rows in one request.", limit=MAX_ROWS)
        yield row

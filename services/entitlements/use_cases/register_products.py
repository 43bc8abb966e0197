"""The routes of a registration: one unit as JSON, or many as JSON or CSV with a result per row (S16)."""

import csv
import io
from collections.abc import Iterable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field, ValidationError

from libs.kit.http import Caller, Command, Router, Tx, allow, body_limit
from libs.kit.problems import BadRequest, Problem
from libs.store.transaction import Transaction
from services.entitlements.model.registration import Registration
from services.entitlements.queries.access import CUSTOMERS_AND_STAFF, account_of
from services.entitlements.queries.registrations import RegistrationOut
from services.entitlements.use_cases.claim_units import UnitToRegister, register_units

router = Router(tags=["registrations"])
MAX_ROWS, MAX_BYTES = 5000, 4 * 2**20
COLUMNS = tuple(UnitToRegister.model_fields)


class RegisterProduct(UnitToRegister):
    account_id: UUID | None = None


class RegisterProducts(Command):
    account_id: UUID | None = None
    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ROWS)]


class RowResult(BaseModel):
    """What became of one row; `row` counts from 1, the CSV's heading not included."""

    row: int
    status: Literal["registered", "conflict", "invalid"]
    product_number: str | None
    serial: str | None
    registration_id: UUID | None = None
    detail: str | None = None


class BulkResult(BaseModel):
    registered: int
    refused: int
    results: list[RowResult]


@router.post("/v1/registrations", status_code=201, dependencies=[allow(*CUSTOMERS_AND_STAFF)])
async def register_product_route(cmd: RegisterProduct, tx: Tx, caller: Caller) -> RegistrationOut:
    account = await account_of(caller, cmd.account_id, tx)
    (result,) = await register_units(account, [cmd], tx)
    if isinstance(result, Problem):
        raise result
    return RegistrationOut.model_validate(result)


_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": RegisterProducts.model_json_schema()},
        "text/csv": {
            "schema": {"type": "string", "description": f"A heading, then rows. Columns: {', '.join(COLUMNS)}."}
        },
    },
}


@router.post(
    "/v1/registrations/bulk",
    dependencies=[allow(*CUSTOMERS_AND_STAFF), body_limit(MAX_BYTES)],
    openapi_extra={"requestBody": _BODY},
)
async def register_products_route(
    request: Request, tx: Tx, caller: Caller, account_id: UUID | None = None
) -> BulkResult:
    """Good rows are registered whatever the others are. The account of a CSV is named in the query."""
    body = await request.body()
    if request.headers.get("content-type", "").partition(";")[0].strip() == "text/csv":
        rows = read_csv(body)
    else:
        command = _read_json(body)
        account_id, rows = command.account_id or account_id, command.items
    return await _register_rows(rows, caller, account_id, tx)


async def _register_rows(
    rows: list[dict[str, Any]], caller: Caller, account_id: UUID | None, tx: Transaction
) -> BulkResult:
    account = await account_of(caller, account_id, tx)
    results: dict[int, RowResult] = {}
    units: dict[int, UnitToRegister] = {}
    for number, row in enumerate(rows, 1):
        try:
            units[number] = UnitToRegister.model_validate(row)
        except ValidationError as error:
            results[number] = _result(number, row, "invalid", _said(error))
    registered = await register_units(account, list(units.values()), tx)
    for (number, unit), outcome in zip(units.items(), registered, strict=True):
        row = unit.model_dump()
        if isinstance(outcome, Registration):
            results[number] = _result(number, row, "registered", None, outcome.id)
        else:
            status: Literal["conflict", "invalid"] = "conflict" if outcome.status == 409 else "invalid"
            results[number] = _result(number, row, status, outcome.detail, outcome.extra.get("registration_id"))
    done = sum(result.status == "registered" for result in results.values())
    return BulkResult(registered=done, refused=len(rows) - done, results=[results[n] for n in sorted(results)])


def _result(
    number: int,
    row: dict[str, Any],
    status: Literal["registered", "conflict", "invalid"],
    detail: str | None,
    registration_id: object = None,
) -> RowResult:
    def text(name: str) -> str | None:
        value = row.get(name)
        return None if value is None else str(value)[:200]

    id = None if registration_id is None else UUID(str(registration_id))
    return RowResult(
        row=number,
        status=status,
        product_number=text("product_number"),
        serial=text("serial"),
        registration_id=id,
        detail=detail,
    )


def _said(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())


def _read_json(body: bytes) -> RegisterProducts:
    try:
        return RegisterProducts.model_validate_json(body)
    except ValidationError as error:
        raise BadRequest(f"Not a list of units: {_said(error)}") from None


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

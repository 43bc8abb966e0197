"""Register many units at once, as JSON or as CSV, with a result for each row (S16)."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field, ValidationError

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.http import Caller, Command, Router, Tx, allow, body_limit
from libs.kit.problems import BadRequest, UnsupportedMediaType
from libs.store import Transaction
from services.entitlements.model.registration import Registration
from services.entitlements.model.spreadsheet import MAX_ROWS, rows_of
from services.entitlements.use_cases.register_units import UnitToRegister, register_units

router = Router(tags=["registrations"])
MAX_BYTES = 4 * 2**20
_COLUMNS = tuple(UnitToRegister.model_fields)
_REQUIRED = ("product_number", "serial")


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


_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": RegisterProducts.model_json_schema()},
        "text/csv": {
            "schema": {"type": "string", "description": f"A heading, then rows. Columns: {', '.join(_COLUMNS)}."}
        },
    },
}


@router.post(
    "/v1/registrations/bulk",
    dependencies=[allow(*ACCOUNT_KEEPERS), body_limit(MAX_BYTES, values=20 * MAX_ROWS)],
    openapi_extra={"requestBody": _BODY},
)
async def register_products_route(
    request: Request, tx: Tx, caller: Caller, account_id: UUID | None = None
) -> BulkResult:
    """Good rows are registered whatever the others are. The account of a CSV is named in the query."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/csv":
        rows = rows_of(body, columns=_COLUMNS, required=_REQUIRED)
    elif kind != "application/json":
        raise UnsupportedMediaType("Send the units as JSON, or as CSV.", "application/json", "text/csv")
    else:
        command = _read_json(body)
        account_id, rows = command.account_id or account_id, command.items
    return await _register_rows(rows, caller, account_id, tx)


async def _register_rows(
    rows: list[dict[str, Any]], caller: Caller, account_id: UUID | None, tx: Transaction
) -> BulkResult:
    account_id = caller.account(account_id)
    results: dict[int, RowResult] = {}
    units: dict[int, UnitToRegister] = {}
    for number, row in enumerate(rows, 1):
        try:
            units[number] = UnitToRegister.model_validate(row)
        except ValidationError as error:
            results[number] = _result(number, row, "invalid", _said(error))
    registered = await register_units(account_id, list(units.values()), tx)
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

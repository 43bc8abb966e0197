"""Register many units at once, as JSON or as CSV, with a result for each row (S16)."""

from collections import Counter
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Request
from pydantic import BaseModel, Field, ValidationError

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.http import Caller, Command, Router, Tx, allow, body_limit
from libs.kit.problems import BadRequest, Problem, UnsupportedMediaType
from libs.store import Transaction
from libs.tables.rehearsal import DryRun, rehearsed
from libs.tables.spreadsheet import MAX_ROWS, rows_of
from libs.tables.taking import said_of
from services.entitlements.model.headings import headings
from services.entitlements.model.registration import Registration
from services.entitlements.queries.spoken_ids import name_ids
from services.entitlements.use_cases.register_units import UnitToRegister, register_units

router = Router(tags=["registrations"])
MAX_BYTES = 4 * 2**20
_COLUMNS = tuple(UnitToRegister.model_fields)
_REQUIRED = ("product_number", "serial")
Status = Literal["registered", "unchanged", "conflict", "invalid"]


class RegisterProducts(Command):
    account_id: UUID | None = None
    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ROWS)]


class RowResult(BaseModel):
    """What became of one row, or would; `row` counts from 1, the CSV's heading not included.

    `unchanged`: the account has registered this unit already, as the row says it.
    """

    row: int
    status: Status
    product_number: str | None
    serial: str | None
    registration_id: UUID | None = None
    detail: str | None = None


class BulkResult(BaseModel):
    registered: int
    unchanged: int
    refused: int
    dry_run: bool
    results: list[RowResult]


_SHEET = f"""As a spreadsheet saves it: UTF-8 or Excel's Unicode text, parted by commas, semicolons or tabs. A heading, then rows.
Columns: {", ".join(_COLUMNS)}, or as people call them ("Serial Number", "Số sê-ri"). A site, contact or contract by id or by name."""
_BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": RegisterProducts.model_json_schema()},
        "text/csv": {"schema": {"type": "string", "description": _SHEET}},
    },
}


@router.post(
    "/v1/registrations/bulk",
    dependencies=[allow(*ACCOUNT_KEEPERS), body_limit(MAX_BYTES, values=20 * MAX_ROWS)],
    openapi_extra={"requestBody": _BODY},
)
async def register_products_route(
    request: Request, tx: Tx, caller: Caller, account_id: UUID | None = None, dry_run: DryRun = False
) -> BulkResult:
    """Good rows are registered whatever the others are. The account of a CSV is named in the query."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/csv":
        rows = rows_of(body, columns=_COLUMNS, required=_REQUIRED, headings=headings())
        account_id = caller.account(account_id)
        wrong = await name_ids(rows.values(), account_id, tx)
    elif kind != "application/json":
        raise UnsupportedMediaType("Send the units as JSON, or as CSV.", "application/json", "text/csv")
    else:
        command = _read_json(body)
        account_id, rows, wrong = caller.account(command.account_id or account_id), _numbered(command.items), {}
    said = {number: wrong[place] for place, number in enumerate(rows) if place in wrong}
    async with rehearsed(tx, dry_run) as trial:
        results = await _register_rows(rows, said, account_id, trial)
    for result in results if dry_run else ():
        if result.status == "registered":
            result.registration_id = None
    of = Counter(result.status for result in results)
    refused = of["conflict"] + of["invalid"]
    return BulkResult(
        registered=of["registered"], unchanged=of["unchanged"], refused=refused, dry_run=dry_run, results=results
    )


def _numbered(rows: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    return dict(enumerate(rows, 1))


async def _register_rows(
    rows: dict[int, dict[str, Any]], wrong: dict[int, str], account_id: UUID, tx: Transaction
) -> list[RowResult]:
    """`wrong` says what is wrong with a row already."""
    results = {number: _result(number, rows[number], "invalid", said) for number, said in wrong.items()}
    units: dict[int, UnitToRegister] = {}
    for number, row in rows.items():
        try:
            if number not in results:
                units[number] = UnitToRegister.model_validate(row)
        except ValidationError as error:
            results[number] = _result(number, row, "invalid", said_of(error))
    registered = await register_units(account_id, list(units.values()), tx)
    for (number, unit), outcome in zip(units.items(), registered, strict=True):
        status, detail, id = await _became(unit, outcome, tx)
        results[number] = _result(number, unit.model_dump(), status, detail, id)
    return [results[number] for number in sorted(results)]


async def _became(
    unit: UnitToRegister, outcome: Registration | Problem, tx: Transaction
) -> tuple[Status, str | None, UUID | None]:
    if isinstance(outcome, Registration):
        return "registered", None, outcome.id
    standing = outcome.extra.get("registration_id")
    if standing is None:
        return "conflict" if outcome.status == 409 else "invalid", outcome.detail, None
    registration = await Registration.get(UUID(str(standing)), tx)
    said = unit.model_dump(exclude_none=True)
    if other := [name for name, value in said.items() if getattr(registration, name) != value]:
        return "conflict", f"{outcome.detail} There it has another {' and '.join(other)}.", registration.id
    return "unchanged", None, registration.id


def _result(
    number: int,
    row: dict[str, Any],
    status: Status,
    detail: str | None,
    registration_id: UUID | None = None,
) -> RowResult:
    def text(name: str) -> str | None:
        value = row.get(name)
        return None if value is None else str(value)[:200]

    return RowResult(
        row=number,
        status=status,
        product_number=text("product_number"),
        serial=text("serial"),
        registration_id=registration_id,
        detail=detail,
    )


def _read_json(body: bytes) -> RegisterProducts:
    try:
        return RegisterProducts.model_validate_json(body)
    except ValidationError as error:
        raise BadRequest(f"Not a list of units: {said_of(error)}") from None

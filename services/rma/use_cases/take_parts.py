"""The parts catalogue from a table; a row is a part's by its number."""

import re
from typing import Any

from fastapi import Request

from libs.events.values import Money
from libs.kit.auth import STOCK_KEEPERS
from libs.kit.http import Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.tables.headings import said
from libs.tables.rehearsal import DryRun
from libs.tables.taking import LIMIT, Cells, Done, Sheet, TableResult, Taking, taken
from services.rma.model.part import Part
from services.rma.use_cases.keep_parts import ChangePart, CreatePart

router = Router(tags=["parts"])
_FIXED = ("component", "whole_unit", "product_number")
_WITHOUT_MINOR = frozenset(
    {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"}
)
"""ISO 4217: their amounts have no decimals."""
_PRICE = re.compile(r"(\d{1,12})(?:[.,](\d{1,2}))? ?([A-Z]{3})")


def _codes(cell: str) -> list[str]:
    return [each for each in re.split(r"[,;|\s]+", cell) if each]


def _fits(cell: str) -> list[dict[str, Any]]:
    """`X70; X50 (A/B)`."""
    found = []
    for each in filter(None, (each.strip() for each in re.split(r"[;\n]", cell))):
        read = re.fullmatch(r"(\S+)(?:\s*\(([^()]+)\))?", each)
        if read is None:
            raise ValueError(f"{each!r} is not written as in `X70; X50 (A/B)`")
        found.append(
            {"product_number": read[1], "hardware_revisions": re.split(r"[\s/,]+", read[2]) if read[2] else []}
        )
    return found


def _price(cell: str) -> Money:
    """`489.00 USD`."""
    read = _PRICE.fullmatch(cell.replace("\u00a0", " ").upper())
    if read is None:
        raise ValueError(f"{cell!r} is not written as in `489.00 USD`")
    whole, cents, currency = read.groups()
    if currency in _WITHOUT_MINOR and cents:
        raise ValueError(f"{currency} has no decimals")
    minor = int(whole) if currency in _WITHOUT_MINOR else int(whole) * 100 + int((cents or "0").ljust(2, "0"))
    return Money(amount_minor=minor, currency=currency)


_SHEET = Sheet(
    ("part_number", *(name for name in CreatePart.model_fields if name != "part_number"), "active"),
    required=("part_number",),
    key="A part is known by its number. What it fits as in `X70; X50 (A/B)`, substitutes in one cell, a price as in `489.00 USD`.",
    headings=said(
        {
            "part_number": "part no, part no., part, p/n, spare part number, mã linh kiện, số linh kiện",
            "name": "description, part name, tên, tên linh kiện, mô tả",
            "component": "kind, loại, bộ phận",
            "whole_unit": "unit, nguyên chiếc",
            "product_number": "product no, product, mã sản phẩm",
            "fits": "fits in, compatible with, dùng cho, tương thích",
            "substitutes": "substitute, alternatives, thay thế, linh kiện thay thế",
            "serialised": "serialized, serial tracked, có số sê-ri",
            "returnable": "return, phải trả lại",
            "hazardous": "lithium, dangerous goods, nguy hiểm, pin lithium",
            "list_price": "price, giá, giá niêm yết",
            "active": "in use, đang dùng",
        }
    ),
    named="part_number",
    converted={"fits": _fits, "substitutes": _codes, "list_price": _price},
)


@router.post("/v1/parts/bulk", dependencies=[allow(*STOCK_KEEPERS), LIMIT], openapi_extra=_SHEET.openapi())
async def take_parts_route(request: Request, tx: Tx, dry_run: DryRun = False) -> TableResult:
    """Adds and changes parts from a table, with a result for each row."""
    async with taken(_SHEET, request, tx, dry_run, Taking) as taking:
        trial = taking.tx
        numbers = {str(cells.get("part_number")) for cells in taking.rows.values()}
        known = {p.part_number: p for p in await trial.select(Part, Part.c.part_number.in_(numbers), lock=True)}

        async def one(cells: Cells) -> Done:
            part = known.get(str(cells.get("part_number")))
            if part is None:
                active = cells.pop("active", "true")
                part = CreatePart.model_validate(cells).make(Part, trial, active=True)
                ChangePart.model_validate({"active": active}).apply_to(part)
                known[part.part_number] = part
                return "created", part.id
            asked = CreatePart.model_validate({**_as_it_is(part), **{n: v for n, v in cells.items() if n != "active"}})
            for name in _FIXED:
                if getattr(asked, name) != getattr(part, name):
                    raise Unprocessable(
                        f"{name}: it stays {getattr(part, name)}; another part has a number of its own."
                    )
            change = {n: v for n, v in cells.items() if n in ChangePart.model_fields}
            changed = ChangePart.model_validate(change).apply_to(part)
            return ("changed" if changed else "unchanged"), part.id

        await taking.take(one)
    return taking.result(dry_run=dry_run)


def _as_it_is(part: Part) -> dict[str, Any]:
    return {name: getattr(part, name) for name in ("part_number", "name", *_FIXED)}

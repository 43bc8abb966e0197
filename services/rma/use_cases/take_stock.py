"""What is on the shelves from a table, as it was counted; a row is a shelf by its depot and part."""

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

from fastapi import Request
from pydantic import Field

from libs.kit.auth import STOCK_KEEPERS
from libs.kit.fields import Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store.ids import derived
from libs.tables.headings import said
from libs.tables.rehearsal import DryRun
from libs.tables.taking import LIMIT, Cells, Done, Sheet, TableResult, Taking, taken
from services.rma.model.depot import Depot
from services.rma.model.part import Part
from services.rma.model.stock import Stock, locked_stock, offer_to_backorders
from services.rma.use_cases.move_stock import AnotherDepot, NoSuchPlace

router = Router(tags=["stock"])
Amount = Annotated[int, Field(ge=0, le=1_000_000)]


class CountedShelf(Command):
    """One row. What is left out stays as it is."""

    depot: Word
    part_number: Word
    on_hand: Amount | None = None
    reorder_point: Amount | None = None


_SHEET = Sheet(
    tuple(CountedShelf.model_fields),
    required=("depot", "part_number"),
    key="A shelf is known by its depot's code and the part's number. `on_hand` is what was counted, what is kept for RMAs included.",
    headings=said(
        {
            "depot": "depot code, warehouse, kho, mã kho",
            "part_number": "part no, part no., part, p/n, mã linh kiện, số linh kiện",
            "on_hand": "quantity, qty, counted, count, stock, tồn kho, số lượng, số lượng tồn",
            "reorder_point": "minimum, min stock, reorder at, mức đặt lại, tồn tối thiểu",
        }
    ),
    named="part_number",
)


@router.post("/v1/stock/bulk", dependencies=[allow(*STOCK_KEEPERS), LIMIT], openapi_extra=_SHEET.openapi())
async def take_stock_route(request: Request, tx: Tx, caller: Caller, dry_run: DryRun = False) -> TableResult:
    """Books counts and reorder points from a table, with a result for each row; what became free serves who waits."""
    async with taken(_SHEET, request, tx, dry_run, Taking) as taking:
        trial = taking.tx
        depots = {depot.code: depot for depot in await trial.select(Depot)}
        numbers = _words(taking.rows.values(), "part_number")
        parts = {part.part_number for part in await trial.select(Part, Part.c.part_number.in_(numbers))}
        shelves = set[UUID]()
        for cells in taking.rows.values():
            if depot := depots.get(str(cells.get("depot"))):
                shelves.add(derived(depot.id, str(cells.get("part_number"))))
        there = {each.id for each in await trial.find_many(Stock, sorted(shelves), lock=True) if each}

        async def one(cells: Cells) -> Done:
            asked = CountedShelf.model_validate(cells)
            depot = depots.get(asked.depot)
            if depot is None or asked.part_number not in parts:
                raise NoSuchPlace(f"There is no depot {asked.depot}, or no part {asked.part_number}.")
            if caller.role == "depot" and depot.id not in caller.depots:
                raise AnotherDepot("A depot keeps its own stock.")
            stock = await locked_stock(depot.id, asked.part_number, trial)
            before = stock.on_hand, stock.reorder_point
            if asked.on_hand is not None and asked.on_hand != stock.on_hand:
                stock.count(asked.on_hand, trial, "counted, from a table")
            if asked.reorder_point is not None:
                stock.reorder_point = asked.reorder_point
            if stock.id not in there:
                there.add(stock.id)
                offer_to_backorders(stock, trial)
                return "created", stock.id
            if before == (stock.on_hand, stock.reorder_point):
                return "unchanged", stock.id
            offer_to_backorders(stock, trial)
            return "changed", stock.id

        await taking.take(one)
    return taking.result(dry_run=dry_run)


def _words(rows: Iterable[Cells], column: str) -> set[str]:
    return {str(cells.get(column)) for cells in rows}

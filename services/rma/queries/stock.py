"""What stock there is, and every movement that made it so."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from libs.kit.auth import DEPOT_READERS
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from libs.kit.rows import visible
from services.rma.model.stock import Stock, StockMovement
from services.rma.queries.access import shelves_visible_to

router = Router(tags=["stock"])


class StockOut(Out):
    """A depot's shelf of one part. `available` is what is neither kept for an RMA nor in quarantine."""

    id: UUID
    depot_id: UUID
    part_number: str
    on_hand: int
    reserved: int
    available: int
    quarantined: int
    reorder_point: int
    revision: int


class MovementOut(Out):
    """One change of a shelf: what, how many, for which RMA, by whom and why."""

    id: UUID
    kind: str
    quantity: int
    rma_id: UUID | None
    by: str
    reason: str
    at: datetime


class StockList(Listing):
    """Shelves, by part; `below_reorder_point`: those that run low."""

    depot_id: UUID | None = None
    part_number: Word | None = None
    below_reorder_point: bool = False
    sort: str = order("part_number")


class MovementList(Listing):
    """Changes of a shelf, the newest first."""

    sort: str = order("-id")


@router.get("/v1/stock", dependencies=[allow(*DEPOT_READERS)])
async def list_stock_route(tx: Tx, caller: Caller, asked: Annotated[StockList, Query()]) -> Page[StockOut]:
    """A depot sees its own."""
    rows = shelves_visible_to(caller)
    if asked.below_reorder_point:
        rows.append(Stock.c.on_hand - Stock.c.reserved < Stock.c.reorder_point)
    return await listed(tx, Stock, asked, rows, out=StockOut.model_validate)


@router.get("/v1/stock/{stock_id}/movements", dependencies=[allow(*DEPOT_READERS)])
async def list_stock_movements_route(
    stock_id: UUID, tx: Tx, caller: Caller, asked: Annotated[MovementList, Query()]
) -> Page[MovementOut]:
    """The newest first: who moved what, when and why."""
    await visible(Stock, stock_id, shelves_visible_to(caller), tx)
    rows = [StockMovement.c.stock_id == stock_id]
    return await listed(tx, StockMovement, asked, rows, out=MovementOut.model_validate)

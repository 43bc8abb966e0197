"""What stock there is, and every movement that made it so."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from libs.kit.auth import DEPOT_READERS
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.kit.rows import in_order, visible
from services.rma.model.stock import Stock, StockMovement
from services.rma.queries.access import visible_to

router = Router(tags=["stock"])


class StockOut(BaseModel):
    """A depot's shelf of one part. `available` is what is neither kept for an RMA nor in quarantine."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    depot_id: UUID
    part_number: str
    on_hand: int
    reserved: int
    available: int
    quarantined: int
    reorder_point: int
    revision: int


class MovementOut(BaseModel):
    """One change of a shelf: what, how many, for which RMA, by whom and why."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: str
    quantity: int
    rma_id: UUID | None
    by: str
    reason: str
    at: datetime


@router.get("/v1/stock", dependencies=[allow(*DEPOT_READERS)])
async def list_stock(
    tx: Tx,
    caller: Caller,
    paging: Paging,
    depot_id: UUID | None = None,
    part_number: Word | None = None,
    below_reorder_point: bool = False,
) -> Page[StockOut]:
    where = visible_to(caller, Stock)
    where += [Stock.c.depot_id == depot_id] if depot_id else []
    where += [Stock.c.part_number == part_number] if part_number else []
    where += [Stock.c.on_hand - Stock.c.reserved < Stock.c.reorder_point] if below_reorder_point else []
    if after := paging.after(str, UUID):
        where.append(sa.tuple_(Stock.c.part_number, Stock.c.id) > sa.tuple_(*map(sa.literal, after)))
    found = await in_order(tx, Stock, where, (Stock.c.part_number, Stock.c.id), paging.limit + 1)
    return page(
        [StockOut.model_validate(each) for each in found], paging.limit, lambda each: (each.part_number, each.id)
    )


@router.get("/v1/stock/{stock_id}/movements", dependencies=[allow(*DEPOT_READERS)])
async def list_movements(stock_id: UUID, tx: Tx, caller: Caller, paging: Paging) -> Page[MovementOut]:
    """The newest first: who moved what, when and why."""
    await visible(Stock, stock_id, visible_to(caller, Stock), tx)
    where: list[sa.ColumnElement[bool]] = [StockMovement.c.stock_id == stock_id]
    if after := paging.after(UUID):
        where.append(StockMovement.c.id < after[0])
    found = await tx.select(StockMovement, *where, order_by=(StockMovement.c.id.desc(),), limit=paging.limit + 1)
    return page([MovementOut.model_validate(each) for each in found], paging.limit, lambda each: (each.id,))

"""Give free parts to those who wait: past their contract date first, then by severity, then the oldest; and let those whose own depot
is late look whether this one is earlier."""

from datetime import timedelta

import sqlalchemy as sa

from libs.store import Transaction
from services.rma.model.network import Network
from services.rma.model.part import Part
from services.rma.model.rma import FORECAST_STOCK, Rma
from services.rma.model.stock import Stock, offer_to_backorders
from services.rma.reactions.reserve_part import keep_for, parts_for

_AT_ONCE = 500
_AGAIN = timedelta(milliseconds=200)
_SEVERITY = sa.case({"critical": 0, "major": 1, "moderate": 2, "minor": 3}, value=Rma.c.severity, else_=4)
_ASKED = sa.func.coalesce(Rma.c.substitute_for, Rma.c.part_number)
_LATE = Rma.c.promise["promised"].astext > sa.cast(Rma.c.contract_due, sa.Text())


async def serve_backorders(stock: Stock, tx: Transaction, _detail: str) -> None:
    """Nobody is passed over: while somebody else holds the next in line, all wait for a moment."""
    if stock.available <= 0:
        return
    wanted = await _serve(stock, tx)
    if stock.available > 0:
        for late in await tx.select(Rma, Rma.c.state == "reserved", _ASKED.in_(wanted), _LATE):
            tx.set_timer(late, FORECAST_STOCK, tx.now)


async def _serve(stock: Stock, tx: Transaction) -> list[str]:
    """Gives the parts that it can stand in for, itself before them."""
    standing_in = await tx.select(Part, Part.c.substitutes.has_key(stock.part_number))
    wanted = [stock.part_number, *(part.part_number for part in standing_in)]
    waiting = await tx.select(
        Rma,
        Rma.c.state == "backordered",
        Rma.c.part_number.in_(wanted),
        order_by=(sa.not_(Rma.c.contract_ends_at <= tx.now), _SEVERITY, Rma.c.diagnosed_at, Rma.c.id),
        limit=_AT_ONCE,
    )
    for each in waiting:
        if stock.available <= 0:
            break
        locked = await tx.lock_available(Rma, [each.id])
        if not locked:
            offer_to_backorders(stock, tx, tx.now + _AGAIN)
            break
        rma = locked[0]
        if rma.state == "backordered":
            network = await Network.load_for(rma, tx)
            parts = await parts_for(rma, tx)
            here = [(stock.depot_id, stock.part_number)] if stock.part_number in parts else []
            offers = network.offers(tx.now, rma.destination, here, parts)
            if offers:
                await keep_for(rma, offers[0], stock, tx)
    return wanted

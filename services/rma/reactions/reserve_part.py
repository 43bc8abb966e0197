"""Keep a part for an RMA in the depot that can promise it best; or remember that none has it."""

from datetime import datetime
from uuid import UUID

from libs.events.rma import PartBackordered, PartReserved
from libs.events.values import PromiseReason
from libs.store import Transaction
from services.rma.model.network import Network, Offer
from services.rma.model.part import in_order_of_preference
from services.rma.model.rma import Rma
from services.rma.model.stock import Stock, locked_stock, locked_stock_of
from services.rma.reactions.order_labels import give_up_labels, order_labels


async def reserve_part(rma: Rma, network: Network, tx: Transaction) -> None:
    """Every depot's stock of the part is locked before one is chosen, so that no part is promised twice."""
    assert rma.part_number
    parts = await in_order_of_preference(rma.part_number, tx)
    stock = await locked_stock_of(parts, tx)
    free = {(row.depot_id, row.part_number): row for row in stock if row.available > 0}
    offers = network.offers(tx.now, rma.destination, free, parts)
    if offers:
        best = min(offers, key=lambda offer: offer.rank(rma.contract_due))
        await keep_for(rma, best, free[best.depot.id, best.part_number], tx)
    else:
        _backorder(rma, parts, tx, out_of_reach=bool(free))


async def keep_for(rma: Rma, offer: Offer, stock: Stock, tx: Transaction) -> None:
    """One of this stock is the RMA's; the carrier is asked for its labels."""
    assert rma.contract_due
    stock.reserve(rma.id, tx)
    rma.to("reserved", tx, f"in {offer.depot.name}")
    if offer.part_number != rma.part_number:
        rma.substitute_for, rma.part_number = rma.part_number, offer.part_number
    rma.depot_id, rma.promise = offer.depot.id, offer.promise
    tx.emit(
        PartReserved(
            **rma.ids,
            part_number=offer.part_number,
            substitute_for=rma.substitute_for,
            depot_id=offer.depot.id,
            promised=offer.promise.promised,
            promised_by=offer.promise.promised_by,
            contract_due=rma.contract_due,
            reasons=offer.promise.reasons,
            reserved_at=tx.now,
        )
    )
    tx.set_timer(rma, "forecast:ship_cut_off", offer.promise.departs_at)
    await order_labels(rma, offer.depot, offer.lane, tx)


def _backorder(rma: Rma, parts: list[str], tx: Transaction, *, out_of_reach: bool) -> None:
    assert rma.contract_due
    text = "no lane leads from the depots that have it" if out_of_reach else f"no depot has {' or '.join(parts)} now"
    rma.to("backordered", tx, text)
    tx.emit(
        PartBackordered(
            **rma.ids,
            part_number=rma.sent_part,
            contract_due=rma.contract_due,
            reasons=[PromiseReason(code="no_lane" if out_of_reach else "backorder", text=text)],
            backordered_at=tx.now,
        )
    )


async def release_part(rma: Rma, tx: Transaction, reason: str) -> None:
    """Gives back what was kept: the next backorder gets it."""
    assert rma.depot_id
    assert rma.part_number
    stock = await locked_stock(rma.depot_id, rma.part_number, tx)
    stock.release(rma.id, reason, tx)
    offer_to_backorders(stock, tx)
    await give_up_labels(rma, tx)


def offer_to_backorders(stock: Stock, tx: Transaction, at: datetime | None = None) -> None:
    """Something of this stock is free: those who wait for it are served at once, in a transaction of its own."""
    if stock.available > 0:
        tx.set_timer(stock, "serve_backorders", at or tx.now)


async def restock(rma: Rma, depot_id: UUID, tx: Transaction, *, good: bool, reason: str) -> None:
    """A returned part goes back on the shelf, or is set aside."""
    stock = await locked_stock(depot_id, rma.sent_part, tx)
    if good:
        stock.add(1, tx, reason, kind="restock", rma_id=rma.id)
        offer_to_backorders(stock, tx)
    else:
        stock.quarantine(1, tx, reason, from_shelf=False, rma_id=rma.id)

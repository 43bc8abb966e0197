"""Keep a part for an RMA in the depot that can promise it best; or remember that none has it."""

from uuid import UUID

from libs.events.rma import DeliveryPromiseChanged, PartBackordered, PartReserved
from libs.events.values import PromiseReason
from libs.store import Transaction
from services.rma.model.custody import Hand, Place, take_back
from services.rma.model.network import Network, Offer
from services.rma.model.part import part_numbered, sendable
from services.rma.model.promise import Promise
from services.rma.model.rma import FORECAST_SHIP_CUT_OFF, Rma
from services.rma.model.steps import Reserve
from services.rma.model.stock import Stock, locked_stock, locked_stock_of, offer_to_backorders
from services.rma.reactions.order_labels import give_up_labels, order_labels


async def reserve_part(rma: Rma, _step: Reserve, tx: Transaction) -> None:
    """Every depot's stock of the part is locked before one is chosen, so that no part is promised twice."""
    network = await Network.load_for(rma, tx)
    parts = await parts_for(rma, tx)
    stock = await locked_stock_of(parts, tx)
    free = {(row.depot_id, row.part_number): row for row in stock if row.available > 0}
    offers = network.offers(tx.now, rma.destination, free, parts)
    if offers:
        best = min(offers, key=lambda offer: offer.rank(rma.grant.due))
        await keep_for(rma, best, free[best.depot.id, best.part_number], tx)
    else:
        backorder(rma, parts, tx, out_of_reach=bool(free))


async def parts_for(rma: Rma, tx: Transaction) -> list[str]:
    """What can be sent for it, the preferred first."""
    asked = await part_numbered(rma.asked_part, tx)
    return await sendable(asked, rma.unit, tx) if asked else []


async def keep_for(
    rma: Rma, offer: Offer, stock: Stock, tx: Transaction, *, moved_from: UUID | None = None, why: str | None = None
) -> None:
    """One of this stock is the RMA's; the carrier is asked for its labels. `moved_from`: the depot that gave one back for it, and why."""
    asked, old = rma.asked_part, rma.promise
    text = why or f"in {offer.depot.name}"
    stock.reserve(rma.id, tx)
    rma.become("reserved", tx, text)
    rma.part_number, rma.substitute_for = offer.part_number, None if offer.part_number == asked else asked
    rma.depot_id = offer.depot.id
    changed = rma.promised(offer.promise, offer.depot.id, "moved" if moved_from else "reserved", text, tx.now)
    tx.emit(
        PartReserved(
            **rma.ids,
            part_number=offer.part_number,
            substitute_for=rma.substitute_for,
            depot_id=offer.depot.id,
            promised=offer.promise.promised,
            promised_by=offer.promise.promised_by,
            contract_due=rma.grant.due,
            reasons=offer.promise.reasons,
            moved_from=moved_from,
            reason=why,
            reserved_at=tx.now,
        )
    )
    if old and changed:
        tell_changed(rma, old, tx, "sent from another depot")
    tx.set_timer(rma, FORECAST_SHIP_CUT_OFF, offer.promise.departs_at)
    await order_labels(rma, offer.depot, offer.lane, tx)


def tell_changed(rma: Rma, old: Promise, tx: Transaction, cause: str) -> None:
    """The promise is another than the old one."""
    new = rma.kept.promise
    tx.emit(
        DeliveryPromiseChanged(
            **rma.ids,
            old=old.promised,
            new=new.promised,
            promised_by=new.promised_by,
            contract_due=rma.grant.due,
            cause=cause,
            reasons=new.reasons,
            changed_at=tx.now,
        )
    )


def backorder(rma: Rma, parts: list[str], tx: Transaction, *, out_of_reach: bool) -> None:
    """No part can be kept for it: it stands in the line of those who wait."""
    text = (
        "no lane leads from the depots that have it"
        if out_of_reach
        else f"no depot has {' or '.join(parts or [rma.asked_part])} now"
    )
    rma.become("backordered", tx, text)
    tx.emit(
        PartBackordered(
            **rma.ids,
            part_number=rma.sent_part,
            contract_due=rma.grant.due,
            reasons=[PromiseReason(code="no_lane" if out_of_reach else "backorder", text=text)],
            backordered_at=tx.now,
        )
    )


async def release_part(rma: Rma, tx: Transaction, reason: str) -> None:
    """Gives back what was kept: the next backorder gets it."""
    stock = await locked_stock(rma.kept.depot_id, rma.sent_part, tx)
    stock.release(rma.id, reason, tx)
    offer_to_backorders(stock, tx)
    await give_up_labels(rma, tx)


async def restock(rma: Rma, depot_id: UUID, tx: Transaction, *, good: bool, reason: str) -> None:
    """A returned part goes back on the shelf, or is set aside."""
    part_number = rma.received_part or rma.sent_part
    stock = await locked_stock(depot_id, part_number, tx)
    if good:
        stock.add(1, tx, reason, kind="restock", rma_id=rma.id)
        offer_to_backorders(stock, tx)
    else:
        stock.quarantine(1, tx, reason, from_shelf=False, rma_id=rma.id)
    if rma.received_serial:
        how: tuple[Hand, Place] = ("restocked", "in_stock") if good else ("set_aside", "quarantined")
        await take_back(part_number, rma.received_serial, *how, rma, depot_id, tx)

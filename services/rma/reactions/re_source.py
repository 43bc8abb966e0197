"""Keep the part for an RMA in another depot than before, under the same contract date. What has shipped stays."""

from datetime import datetime
from uuid import UUID

from libs.kit.calendar import CalendarError
from libs.store import Transaction
from services.rma.model.network import Network, NoWay, Offer
from services.rma.model.promise import Promise, forecast
from services.rma.model.rma import FORECAST_SHIP_CUT_OFF, Rma
from services.rma.model.stock import Stock, locked_stock_of, offer_to_backorders
from services.rma.reactions.order_labels import give_up_labels
from services.rma.reactions.reserve_part import backorder, keep_for, parts_for


def promise_here(rma: Rma, network: Network, now: datetime) -> Promise | None:
    """What the depot that keeps the part can promise, counted from when it was kept there; None where it is not to be sent from there."""
    depot_id, promise = rma.kept
    if not network.depots[depot_id].active:
        return None
    try:
        return forecast(rma.since("reserved"), network.way_from(depot_id, rma.destination), now)
    except NoWay:
        return None
    except CalendarError:
        return promise


async def moved_elsewhere(rma: Rma, network: Network, tx: Transaction, why: str) -> bool:
    """Moves a reserved one to the depot that can still keep the contract's date, or at least an earlier one than its own can. One whose
    depot sends nothing any more goes back into the line where no other has a part."""
    here = promise_here(rma, network, tx.now)
    stock, parts = await locked_shelves(rma, tx)
    found = best_elsewhere(rma, network, stock, parts, tx.now)
    if found and (here is None or max(found.promise.promised, rma.grant.due) < here.promised):
        await move(rma, found, stock, tx, why)
        return True
    if here is None:
        await _give_back(rma, stock, why, tx)
        tx.cancel_timer(rma, FORECAST_SHIP_CUT_OFF)
        rma.back_to_line()
        backorder(rma, parts, tx, out_of_reach=any(row.available > 0 for row in stock))
    return here is None


def best_elsewhere(
    rma: Rma, network: Network, stock: list[Stock], parts: list[str], now: datetime, *, only: UUID | None = None
) -> Offer | None:
    """The best that another depot, or only this one, can promise."""
    free = [(row.depot_id, row.part_number) for row in stock if row.available > 0 and row.part_number in parts]
    elsewhere = [place for place in free if place[0] != rma.depot_id and only in (None, place[0])]
    offers = network.offers(now, rma.destination, elsewhere, parts)
    return min(offers, key=lambda offer: offer.rank(rma.grant.due), default=None)


async def move(rma: Rma, offer: Offer, stock: list[Stock], tx: Transaction, why: str) -> None:
    """The old depot gets its part and its labels back."""
    old = rma.kept.depot_id
    await _give_back(rma, stock, why, tx)
    row = next(row for row in stock if (row.depot_id, row.part_number) == (offer.depot.id, offer.part_number))
    await keep_for(rma, offer, row, tx, moved_from=old, why=why)


async def locked_shelves(rma: Rma, tx: Transaction) -> tuple[list[Stock], list[str]]:
    """Every depot's rows of what can be sent for it and of what is kept for it, locked, and the parts in order of preference."""
    parts = await parts_for(rma, tx)
    return await locked_stock_of([*parts, rma.sent_part], tx), parts


async def _give_back(rma: Rma, stock: list[Stock], why: str, tx: Transaction) -> None:
    depot_id = rma.kept.depot_id
    row = next(row for row in stock if (row.depot_id, row.part_number) == (depot_id, rma.sent_part))
    row.release(rma.id, why, tx)
    offer_to_backorders(row, tx)
    await give_up_labels(rma, tx)

"""Forecast an open promise again: a calendar, a lane or an address changed, the cut-off passed, or the carrier is late."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import cast
from uuid import UUID

import sqlalchemy as sa

from libs.events.rma import DeliveryPromiseMissed
from libs.kit.calendar import CalendarError
from libs.store import Transaction
from services.rma.model.blame import blame
from services.rma.model.network import Network, NoWay
from services.rma.model.outbound_leg import AWAITS_PART, OPEN_PROMISE
from services.rma.model.policy import policy_for
from services.rma.model.promise import Promise, forecast_late, forecast_under_way
from services.rma.model.rma import FORECAST, FORECAST_CARRIER_LATE, FORECAST_SHIP_CUT_OFF, Rma
from services.rma.model.rma_values import BY_CARRIER, PromiseCause
from services.rma.model.stock import Stock, offer_to_backorders
from services.rma.reactions.re_source import moved_elsewhere, promise_here
from services.rma.reactions.reserve_part import tell_changed

_TEXTS: dict[PromiseCause, str] = {
    "ship_cut_off": "not shipped before the depot's cut-off",
    "carrier_late": "not delivered when promised",
    "calendar": "a calendar was edited",
    "network": "a depot or lane was edited",
    "address": "the address changed",
    "stock": "a part came into stock",
    "shipped": "shipped",
    "carrier_eta": "the carrier told another day",
    "attempted": "delivery was attempted, nobody took it",
    "customs": "held by customs",
    "delayed": "the carrier told of a delay",
}


async def renew_promise(rma: Rma, tx: Transaction, why: str) -> None:
    """The timer `forecast:<why>`, so that an edit touches any number of promises in small transactions."""
    if rma.state not in OPEN_PROMISE:
        return
    cause, network = cast("PromiseCause", why), await Network.load_for(rma, tx)
    if rma.state == "reserved":
        here = promise_here(rma, network, tx.now)
        if (here is None or here.promised > rma.grant.due) and await moved_elsewhere(rma, network, tx, _TEXTS[cause]):
            return
        # A calendar without an open day: the promise stands until somebody acts.
        if here and here.departs_at > tx.now:
            tx.set_timer(rma, FORECAST_SHIP_CUT_OFF, here.departs_at)
            change_promise(rma, here, tx, cause)
        return
    grace = timedelta(minutes=(await policy_for(rma, tx)).carrier_grace_minutes)
    # So it does where a lane closed under a parcel that is on its way.
    with suppress(NoWay, CalendarError):
        way = network.way_from(rma.kept.depot_id, rma.destination)
        new = forecast_under_way(rma.kept.promise.departs_at, way)
        if rma.promises and rma.promises[-1].cause in BY_CARRIER and rma.kept.promise.promised_by >= new.promised_by:
            new = rma.kept.promise
        if new.promised_by + grace <= tx.now:
            new = forecast_late(new, tx.now, way)
        tx.set_timer(rma, FORECAST_CARRIER_LATE, new.promised_by + grace)
        change_promise(rma, new, tx, cause)


def change_promise(rma: Rma, new: Promise, tx: Transaction, cause: PromiseCause) -> None:
    """Tells of a date that moved, and only of that."""
    old = rma.kept.promise
    if rma.promised(new, rma.kept.depot_id, cause, _TEXTS[cause], tx.now):
        tell_changed(rma, old, tx, _TEXTS[cause])


async def renew_every_open_promise(tx: Transaction, why: str) -> None:
    """Each is forecast again at once, by its own timer; and what no lane led to may be within reach now."""
    for rma in await tx.select(Rma, Rma.c.state.in_(sorted(OPEN_PROMISE))):
        tx.set_timer(rma, f"{FORECAST}:{why}", tx.now)
    for stock in await tx.select(Stock, Stock.c.on_hand > Stock.c.reserved):
        offer_to_backorders(stock, tx)


async def note_calendars(_ids: Sequence[UUID], tx: Transaction) -> None:
    """A country's calendar is another."""
    await renew_every_open_promise(tx, "calendar")


async def note_site_days(ids: Sequence[UUID], tx: Transaction) -> None:
    """A site has other closed days."""
    there = sa.cast(Rma.c.ship_to["site_id"].astext, sa.Uuid()).in_(ids)
    for rma in await tx.select(Rma, Rma.c.state.in_(sorted(OPEN_PROMISE)), there):
        tx.set_timer(rma, f"{FORECAST}:calendar", tx.now)


async def miss_contract(rma: Rma, tx: Transaction, _detail: str) -> None:
    """The timer at the end of the contract's day: the part is not at the destination."""
    if rma.state not in AWAITS_PART or rma.contract_missed or rma.is_over:
        return
    rma.contract_missed = True
    tx.emit(
        DeliveryPromiseMissed(
            **rma.ids,
            contract_due=rma.grant.due,
            promised=rma.promise.promised if rma.promise else None,
            reasons=rma.promise.reasons if rma.promise else [],
            cause=blame(rma),
            missed_at=tx.now,
        )
    )

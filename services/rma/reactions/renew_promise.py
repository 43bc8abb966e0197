"""Forecast an open promise again: a calendar, a lane or an address changed, the cut-off passed, or the carrier is late."""

from contextlib import suppress
from datetime import timedelta

from libs.events.rma import DeliveryPromiseChanged, DeliveryPromiseMissed
from libs.kit.calendar import CalendarError
from libs.store import Transaction
from services.rma.model.network import Network, NoWay
from services.rma.model.outbound_leg import AWAITS_PART, OPEN_PROMISE
from services.rma.model.policy import policy_for
from services.rma.model.promise import Promise, Way, forecast, forecast_late, forecast_under_way
from services.rma.model.rma import (
    FORECAST,
    FORECAST_CARRIER_LATE,
    FORECAST_SHIP_CUT_OFF,
    Rma,
)
from services.rma.model.stock import Stock, offer_to_backorders

_CAUSES = {
    "ship_cut_off": "not shipped before the depot's cut-off",
    "carrier_late": "not delivered when promised",
    "calendar": "a calendar was edited",
    "network": "a depot or lane was edited",
    "address": "the address changed",
}


async def renew_promise(rma: Rma, tx: Transaction, why: str) -> None:
    """The timer `forecast:<why>`, so that an edit touches any number of promises in small transactions."""
    if rma.state not in OPEN_PROMISE:
        return
    network = await Network.load(tx, plan=rma.plan)
    grace = timedelta(minutes=(await policy_for(rma, tx)).carrier_grace_minutes)
    # A lane closed under a part already promised, or a calendar without an open day: the promise stands until somebody acts.
    with suppress(NoWay, CalendarError):
        _renew(rma, network.way_from(rma.kept.depot_id, rma.destination), grace, tx, _CAUSES.get(why, why))


def _renew(rma: Rma, way: Way, grace: timedelta, tx: Transaction, cause: str) -> None:
    if rma.state == "reserved":
        new = forecast(tx.now, way)
        tx.set_timer(rma, FORECAST_SHIP_CUT_OFF, new.departs_at)
    else:
        new = forecast_under_way(rma.kept.promise.departs_at, way)
        if new.promised_by + grace <= tx.now:
            new = forecast_late(new, tx.now, way)
        tx.set_timer(rma, FORECAST_CARRIER_LATE, new.promised_by + grace)
    change_promise(rma, new, tx, cause)


def change_promise(rma: Rma, new: Promise, tx: Transaction, cause: str) -> None:
    """Tells of a date that moved, and only of that."""
    old, rma.promise = rma.kept.promise, new
    if (old.promised, old.promised_by) == (new.promised, new.promised_by):
        return
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


async def renew_every_open_promise(tx: Transaction, why: str) -> None:
    """Each is forecast again at once, by its own timer; and what no lane led to may be within reach now."""
    for rma in await tx.select(Rma, Rma.c.state.in_(sorted(OPEN_PROMISE))):
        tx.set_timer(rma, f"{FORECAST}:{why}", tx.now)
    for stock in await tx.select(Stock, Stock.c.on_hand > Stock.c.reserved):
        offer_to_backorders(stock, tx)


async def miss_contract(rma: Rma, tx: Transaction, _detail: str) -> None:
    """The timer at the end of the contract's day: the part is not at the destination."""
    if rma.state not in AWAITS_PART or rma.contract_missed:
        return
    rma.contract_missed = True
    tx.emit(
        DeliveryPromiseMissed(
            **rma.ids,
            contract_due=rma.grant.due,
            promised=rma.promise.promised if rma.promise else None,
            reasons=rma.promise.reasons if rma.promise else [],
            missed_at=tx.now,
        )
    )

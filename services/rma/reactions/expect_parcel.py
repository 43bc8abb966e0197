"""The carrier says that a parcel will come on another day than promised: the promise moves before it has passed."""

from contextlib import suppress
from datetime import timedelta

from libs.kit.calendar import CalendarError
from libs.store import Transaction
from services.rma.model.network import Network, NoWay
from services.rma.model.policy import policy_for
from services.rma.model.promise import Promise, Way, forecast_for
from services.rma.model.rma import FORECAST_CARRIER_LATE, Rma
from services.rma.model.rma_values import PromiseCause
from services.rma.model.shipment import CarrierNews, Shipment
from services.rma.reactions.renew_promise import change_promise


async def expect_parcel(rma: Rma, shipment: Shipment, news: CarrierNews, tx: Transaction) -> None:
    """By the carrier's own date, or by what keeps the parcel: nobody there, customs, a delay."""
    if rma.state != "shipped" or rma.tracking != shipment.tracking:
        return
    network = await Network.load_for(rma, tx)
    # A lane or a calendar that is there no more forecasts nothing: the promise stands until somebody acts.
    with suppress(NoWay, CalendarError):
        way = network.way_from(rma.kept.depot_id, rma.destination)
        known = [each.word for each in shipment.news if each.followed and each is not news]
        if moved := _moved(rma.kept.promise, news, way, repeated=bool(known) and known[-1] == news.word):
            promise, cause = moved
            grace = timedelta(minutes=(await policy_for(rma, tx)).carrier_grace_minutes)
            tx.set_timer(rma, FORECAST_CARRIER_LATE, promise.promised_by + grace)
            change_promise(rma, promise, tx, cause)


def _moved(promise: Promise, news: CarrierNews, way: Way, *, repeated: bool) -> tuple[Promise, PromiseCause] | None:
    """`repeated`: the same word twice in a row is the same hindrance."""
    there = way.destination
    if news.expected:
        day = there.working_day_on_or_after(there.local_date(news.expected))
        by = news.expected if day == there.local_date(news.expected) else None
        return forecast_for(promise, day, way, "carrier_eta", "the carrier expects it then", by=by), "carrier_eta"
    today = there.local_date(news.occurred_at)
    if news.word == "attempted":
        day = max(promise.promised, there.next_working_day(today))
        return forecast_for(promise, day, way, "attempted", "delivery was attempted, nobody took it"), "attempted"
    if news.word in ("customs_hold", "delayed") and not repeated:
        day = there.next_working_day(max(today, promise.promised))
        if news.word == "delayed":
            return forecast_for(promise, day, way, "carrier_late", "the carrier is late"), "delayed"
        return forecast_for(promise, day, way, "customs", "held by customs"), "customs"
    return None

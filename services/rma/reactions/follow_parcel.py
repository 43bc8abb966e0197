"""Follow a parcel by what the carrier tells of it, on either leg."""

from typing import Literal
from uuid import UUID

from libs.events.rma import PartRefused, ShipmentUpdated
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.rma import Rma
from services.rma.model.shipment import CarrierNews, CarrierStatus, Shipment
from services.rma.reactions.await_return import open_return_window, stop_waiting
from services.rma.reactions.close_rma import close_if_over
from services.rma.reactions.order_labels import order_return_label
from services.rma.reactions.replace_again import lose
from services.rma.use_cases.deliver_part import deliver_part

_TOLD: dict[CarrierStatus, tuple[Literal["picked_up", "in_transit", "delivered", "exception"], str | None]] = {
    "picked_up": ("picked_up", None),
    "in_transit": ("in_transit", None),
    "delivered": ("delivered", None),
    "refused": ("exception", "refused at the destination"),
    "lost": ("exception", "lost by the carrier"),
    "return_received": ("delivered", "back at the depot"),
}


async def follow_news(rma: Rma, shipment: Shipment, news: CarrierNews, tx: Transaction) -> None:
    """Tells where the parcel is, and moves its leg where the news moves it at all. Nothing is followed twice."""
    if news.followed:
        return
    news.followed = True
    status, text = _TOLD[news.status]
    tx.emit(
        ShipmentUpdated(
            **rma.ids,
            leg=shipment.direction,
            carrier=shipment.carrier or "",
            tracking=shipment.tracking or "",
            status=status,
            text=text,
            expected=rma.promise.promised if shipment.direction == "outbound" and rma.promise else None,
            occurred_at=news.occurred_at,
        )
    )
    if shipment.direction == "return":
        _follow_return(rma, news, tx)
    elif rma.tracking == shipment.tracking:
        await _follow_outbound(rma, news, tx)


async def follow_what_was_heard(rma: Rma, tx: Transaction, detail: str) -> None:
    """The timer's, for a return label that was recorded after the carrier had told of its parcel."""
    shipment = await Shipment.get(UUID(detail), tx, lock=True)
    if shipment.state == "bought":
        for news in shipment.news:
            await follow_news(rma, shipment, news, tx)


async def _follow_outbound(rma: Rma, news: CarrierNews, tx: Transaction) -> None:
    if rma.state == "shipped" and news.status == "delivered":
        await deliver_part(rma, news.occurred_at, None, tx)
    elif rma.state == "shipped" and news.status == "lost":
        await lose(rma, "lost by the carrier", tx, at=news.occurred_at)
    elif rma.state == "shipped" and news.status == "refused":
        _refuse(rma, news, tx)
    elif rma.state == "lost" and news.status == "delivered":  # it turned up after all, and another one is on its way
        rma.delivered_at = news.occurred_at
        if return_leg.expect_the_replacement_back(rma, tx, "found by the carrier after it was replaced"):
            rma.closed_at = None
            await order_return_label(rma, tx)
        await open_return_window(rma, None, tx)


def _refuse(rma: Rma, news: CarrierNews, tx: Transaction) -> None:
    rma.to("refused", tx, "refused at the destination", at=news.occurred_at)
    for timer in ("contract_due", "forecast:carrier_late"):
        tx.cancel_timer(rma, timer)
    tx.emit(PartRefused(**rma.ids, reason="refused at the destination", refused_at=news.occurred_at))
    return_leg.expect_the_replacement_back(rma, tx, "refused at the destination")
    return_leg.hand_over(rma, tx, "the carrier brings it back", at=news.occurred_at)


def _follow_return(rma: Rma, news: CarrierNews, tx: Transaction) -> None:
    if return_leg.hand_over(rma, tx, "the carrier has it", at=news.occurred_at):
        stop_waiting(rma, tx)
    if news.status == "lost" and rma.return_state == "in_transit":
        return_leg.go(rma, "lost", tx, "lost by the carrier", at=news.occurred_at)
        close_if_over(rma, tx)

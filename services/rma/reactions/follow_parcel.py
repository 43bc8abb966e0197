"""Follow a parcel by what the carrier tells of it, on either leg."""

from functools import partial
from typing import Literal
from uuid import UUID

from libs.events.rma import ShipmentUpdated
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.next_step import after_news
from services.rma.model.rma import Rma
from services.rma.model.shipment import CarrierNews, Shipment
from services.rma.reactions.act_on import go_on, take_steps
from services.rma.reactions.expect_parcel import expect_parcel

Told = Literal["picked_up", "in_transit", "out_for_delivery", "delayed", "exception", "delivered"]
_TOLD: dict[str, tuple[Told, str | None]] = {
    "picked_up": ("picked_up", None),
    "in_transit": ("in_transit", None),
    "out_for_delivery": ("out_for_delivery", None),
    "attempted": ("exception", "delivery was attempted, nobody took it"),
    "available_for_pickup": ("exception", "waits to be picked up"),
    "customs_hold": ("exception", "held by customs"),
    "customs_cleared": ("in_transit", "cleared by customs"),
    "delayed": ("delayed", None),
    "delivered": ("delivered", None),
    "refused": ("exception", "refused at the destination"),
    "returned_to_sender": ("exception", "returned to the sender"),
    "lost": ("exception", "lost by the carrier"),
    "return_received": ("delivered", "back at the depot"),
}


async def follow_parcel(rma: Rma, shipment: Shipment, case: CaseFile, tx: Transaction) -> None:
    """Tells what was not told yet of where the parcel is, and moves its leg and its promise where that moves them. Nothing is followed
    twice; what comes after newer notices is told as late, and of it only a delivery moves anything."""
    for news in shipment.news:
        if not news.followed:
            late = shipment.is_late(news)
            news.followed = True
            if shipment.direction == "outbound" and not late:
                await expect_parcel(rma, shipment, news, tx)
            _tell(rma, shipment, news, tx, late=late)
            news.text = news.location = None
            if not late or news.word == "delivered":
                await take_steps(rma, partial(after_news, rma, case, shipment, news), tx)
            await go_on(rma, case, tx)


def _tell(rma: Rma, shipment: Shipment, news: CarrierNews, tx: Transaction, *, late: bool) -> None:
    status, text = _TOLD.get(news.word, ("in_transit", f"the carrier says: {news.status}"))
    words = [each for each in (text, news.text) if each]
    tx.emit(
        ShipmentUpdated(
            **rma.ids,
            leg=shipment.direction,
            carrier=shipment.carrier or "",
            tracking=shipment.tracking or "",
            status=status,
            text=": ".join(["told late", *words] if late else words) or None,
            location=news.location,
            expected=rma.promise.promised if shipment.direction == "outbound" and rma.promise else None,
            late=late,
            occurred_at=news.occurred_at,
        )
    )


async def follow_what_was_heard(rma: Rma, tx: Transaction, shipment_id: str) -> None:
    """The timer's, for a return label that was recorded after the carrier had told of its parcel."""
    shipment = await Shipment.get(UUID(shipment_id), tx, lock=True)
    if shipment.state == "bought":
        await follow_parcel(rma, shipment, await CaseFile.get(rma.case_id, tx), tx)

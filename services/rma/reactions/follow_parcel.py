"""Follow a parcel by what the carrier tells of it, on either leg."""

from functools import partial
from typing import Literal
from uuid import UUID

from libs.events.rma import ShipmentUpdated
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.next_step import after_news
from services.rma.model.rma import Rma
from services.rma.model.shipment import CarrierNews, CarrierStatus, Shipment
from services.rma.reactions.act_on import go_on, take_steps

_TOLD: dict[CarrierStatus, tuple[Literal["picked_up", "in_transit", "delivered", "exception"], str | None]] = {
    "picked_up": ("picked_up", None),
    "in_transit": ("in_transit", None),
    "delivered": ("delivered", None),
    "refused": ("exception", "refused at the destination"),
    "lost": ("exception", "lost by the carrier"),
    "return_received": ("delivered", "back at the depot"),
}


async def follow_parcel(rma: Rma, shipment: Shipment, case: CaseFile, tx: Transaction) -> None:
    """Tells what was not told yet of where the parcel is, and moves its leg where that moves it. Nothing is followed twice."""
    for news in shipment.news:
        if not news.followed:
            news.followed = True
            _tell(rma, shipment, news, tx)
            await take_steps(rma, partial(after_news, rma, case, shipment, news), tx)
            await go_on(rma, case, tx)


def _tell(rma: Rma, shipment: Shipment, news: CarrierNews, tx: Transaction) -> None:
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


async def follow_what_was_heard(rma: Rma, tx: Transaction, shipment_id: str) -> None:
    """The timer's, for a return label that was recorded after the carrier had told of its parcel."""
    shipment = await Shipment.get(UUID(shipment_id), tx, lock=True)
    if shipment.state == "bought":
        await follow_parcel(rma, shipment, await CaseFile.get(rma.case_id, tx), tx)

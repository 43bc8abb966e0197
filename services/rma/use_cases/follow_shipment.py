"""Hear the carrier: signed notices, each heard once, in whatever order they come."""

import base64
import binascii
import hashlib
import hmac
import time
from typing import Annotated, Literal

import structlog
from fastapi import Header, Request
from pydantic import BaseModel, Field

from libs.events.rma import PartRefused, ShipmentUpdated
from libs.events.values import Instant
from libs.kit.http import Router, Tx, public
from libs.kit.problems import Unauthenticated, Unavailable
from libs.kit.settings import setting
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.rma import Rma
from services.rma.model.shipment import CarrierNews, CarrierStatus, Shipment
from services.rma.use_cases.await_return import close_if_over, open_return_window, stop_waiting
from services.rma.use_cases.deliver_part import deliver_part
from services.rma.use_cases.replace_again import lose

log = structlog.get_logger()
router = Router(tags=["carrier"])
TOLERANCE_SECONDS = 300
_TOLD: dict[CarrierStatus, tuple[Literal["picked_up", "in_transit", "delivered", "exception"], str | None]] = {
    "picked_up": ("picked_up", None),
    "in_transit": ("in_transit", None),
    "delivered": ("delivered", None),
    "refused": ("exception", "refused at the destination"),
    "lost": ("exception", "lost by the carrier"),
    "return_received": ("delivered", "back at the depot"),
}


class CarrierNotice(BaseModel):
    """What the carrier tells. Fields we do not know are ignored."""

    tracking: str = Field(min_length=1, max_length=100)
    reference: str = Field(min_length=1, max_length=100)
    status: CarrierStatus
    occurred_at: Instant
    sequence: int = Field(ge=0, lt=2**31)


class Heard(BaseModel):
    """`known`: the parcel is ours; `repeated`: this notice was heard before."""

    known: bool
    repeated: bool = False


def verify(secret: str, webhook_id: str, timestamp: str, signatures: str, body: bytes, now: float) -> None:
    """Standard Webhooks, symmetric (v1): several signatures while the secret rotates. Raises Unauthenticated."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        sent_at = int(timestamp)
    except (binascii.Error, ValueError):
        raise Unauthenticated("The notice's timestamp or our secret is not readable.") from None
    if abs(now - sent_at) > TOLERANCE_SECONDS:
        raise Unauthenticated("The notice's timestamp is more than five minutes away from now.")
    expected = hmac.digest(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256)
    given = [part.partition(",") for part in signatures.split()]
    if not any(v == "v1" and hmac.compare_digest(base64.b64encode(expected), s.encode()) for v, _, s in given):
        raise Unauthenticated("The notice's signature does not match.")


@router.post("/v1/carrier-events", status_code=202, dependencies=[public()])
async def hear_carrier(
    request: Request,
    notice: CarrierNotice,
    tx: Tx,
    webhook_id: Annotated[str, Header(min_length=1, max_length=255)],
    webhook_timestamp: Annotated[str, Header(max_length=20)],
    webhook_signature: Annotated[str, Header(max_length=2000)],
) -> Heard:
    """Answers 202 also for a parcel that is not ours, so that the carrier does not tell it for ever."""
    secret = setting("CARRIER_WEBHOOK_SECRET", "")
    if not secret:
        raise Unavailable("No carrier can be heard: its webhook secret is not set.")
    verify(secret, webhook_id, webhook_timestamp, webhook_signature, await request.body(), time.time())
    found = await tx.one(Shipment, Shipment.c.reference == notice.reference)
    if found is None:
        log.warning("the carrier tells of a parcel that is not ours", reference=notice.reference)
        return Heard(known=False)
    rma = await Rma.get(found.rma_id, tx, lock=True)
    shipment = await Shipment.get(found.id, tx, lock=True)
    news = CarrierNews(
        webhook_id=webhook_id, status=notice.status, occurred_at=notice.occurred_at, sequence=notice.sequence
    )
    if not shipment.hear(news):
        return Heard(known=True, repeated=True)
    if shipment.state == "bought" and (rma.has_shipped or shipment.direction == "return"):
        await follow_news(rma, shipment, news, tx)
    return Heard(known=True)


async def follow_news(rma: Rma, shipment: Shipment, news: CarrierNews, tx: Transaction) -> None:
    """Tells where the parcel is, and moves its leg where the news moves it at all."""
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


async def _follow_outbound(rma: Rma, news: CarrierNews, tx: Transaction) -> None:
    if rma.state == "shipped" and news.status == "delivered":
        await deliver_part(rma, news.occurred_at, None, tx)
    elif rma.state == "shipped" and news.status == "lost":
        await lose(rma, "lost by the carrier", tx, at=news.occurred_at)
    elif rma.state == "shipped" and news.status == "refused":
        _refuse(rma, news, tx)
    elif rma.state == "lost" and news.status == "delivered":  # it turned up after all, and another one is on its way
        rma.delivered_at = news.occurred_at
        return_leg.expect_the_replacement_back(rma, tx, "found by the carrier after it was replaced")
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

"""The carrier's door: its signed notices, each heard once, in whatever order they come."""

import base64
import binascii
import hashlib
import hmac
import time
from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import Header, Request
from pydantic import BaseModel, Field

from libs.events.values import Instant
from libs.kit.http import Router, Tx, public
from libs.kit.problems import Unauthenticated, Unavailable
from libs.kit.settings import setting
from services.rma.model.rma import Rma
from services.rma.model.shipment import CarrierNews, CarrierStatus, Shipment
from services.rma.use_cases.follow_shipment import follow_news

log = structlog.get_logger()
router = Router(tags=["carrier"])
TOLERANCE_SECONDS = 300
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class CarrierNotice(BaseModel):
    """What the carrier tells. Fields we do not know are ignored."""

    tracking: str = Field(min_length=1, max_length=100)
    reference: str = Field(min_length=1, max_length=100)
    status: CarrierStatus
    occurred_at: Instant = Field(ge=_FIRST, le=_LAST)
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

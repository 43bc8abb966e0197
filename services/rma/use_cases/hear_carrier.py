"""The carrier's door: its signed notices, each heard once, in whatever order they come."""

from datetime import UTC, datetime

import structlog
from pydantic import BaseModel, Field

from libs.events.values import Instant
from libs.kit.fields import Line, Word
from libs.kit.http import Router, Tx, public
from libs.kit.settings import setting
from libs.kit.webhooks import Webhook
from services.rma.model.case_file import CaseFile
from services.rma.model.rma import Rma
from services.rma.model.shipment import CarrierNews, Shipment
from services.rma.reactions.follow_parcel import follow_parcel

log = structlog.get_logger()
router = Router(tags=["carrier"])
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class CarrierNotice(BaseModel):
    """What the carrier tells, in its own words; those that we know move the RMA. Fields we do not know are ignored."""

    tracking: Word
    reference: Word
    status: Word
    occurred_at: Instant = Field(ge=_FIRST, le=_LAST)
    sequence: int = Field(ge=0, lt=2**31)
    text: Line | None = None
    location: Line | None = None
    expected_at: Instant | None = Field(None, ge=_FIRST, le=_LAST)


class Heard(BaseModel):
    """`known`: the parcel is ours; `repeated`: this notice was heard before."""

    known: bool
    repeated: bool = False


@router.post("/v1/carrier-events", status_code=202, dependencies=[public()])
async def hear_carrier_route(notice: CarrierNotice, sent: Webhook, tx: Tx) -> Heard:
    """Answers 202 also for a parcel that is not ours, so that the carrier does not tell it for ever."""
    sent.verify(setting("CARRIER_WEBHOOK_SECRET", ""))
    found = await tx.first(Shipment, Shipment.c.reference == notice.reference)
    if found is None:
        log.warning("the carrier tells of a parcel that is not ours", reference=notice.reference)
        return Heard(known=False)
    rma = await Rma.get(found.rma_id, tx, lock=True)
    shipment = await Shipment.get(found.id, tx, lock=True)
    news = CarrierNews(
        webhook_id=sent.id,
        status=notice.status,
        occurred_at=notice.occurred_at,
        sequence=notice.sequence,
        text=notice.text,
        location=notice.location,
        expected=notice.expected_at,
    )
    if not shipment.hear(news):
        return Heard(known=True, repeated=True)
    if shipment.state == "bought" and (rma.has_shipped or shipment.direction == "return"):
        await follow_parcel(rma, shipment, await CaseFile.get(rma.case_id, tx), tx)
    return Heard(known=True)

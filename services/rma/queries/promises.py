"""The what-if of a promise."""

from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Query
from pydantic import AwareDatetime, BaseModel

from libs.events.values import CountryCode, Instant, PromiseReason, Site
from libs.kit.auth import STAFF
from libs.kit.fields import ProductNumber, Word
from libs.kit.http import Router, Tx, allow
from libs.kit.problems import Unprocessable
from services.rma.model.network import Network
from services.rma.model.part import NotInCatalogue, Unit, part_numbered, sendable
from services.rma.model.promise import contract_due
from services.rma.model.stock import Stock

router = Router(tags=["promises"])
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class PromiseOffer(BaseModel):
    """What one depot could promise."""

    part_number: str
    depot_id: UUID
    depot_code: str
    available: int
    promised: date
    promised_by: Instant
    departs_at: Instant
    reasons: list[PromiseReason]
    transit_days: int
    cost_minor: int
    currency: str


class PromiseOut(BaseModel):
    """The contract's date and, best first, what could really be done; nothing in `offers` means a backorder."""

    part_number: str
    asked_at: Instant
    contract_due: date
    contract_ends_at: Instant
    offers: list[PromiseOffer]


class NoTimeZone(Unprocessable):
    title = "The destination's time zone is not known"


@router.get("/v1/promises", dependencies=[allow("customer", "reseller", *STAFF)])
async def get_promises_route(
    tx: Tx,
    part_number: Word,
    country: Annotated[CountryCode, Query()],
    time_zone: Annotated[Word, Query(examples=["Asia/Ho_Chi_Minh"])],
    region: Word | None = None,
    at: Annotated[AwareDatetime | None, Query(ge=_FIRST, le=_LAST)] = None,
    product_number: ProductNumber | None = None,
    hardware_revision: Word | None = None,
    cut_off: Annotated[str, Query(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "15:00",
) -> PromiseOut:
    """Part, destination and instant → dates and reasons, from the stock there is now; nothing is kept for anybody.

    Where the unit is told, of the substitutes only those that fit it.
    """
    site = _somewhere(country, region, time_zone)
    asked_at = at or tx.now
    network = await Network.load(tx)
    part = await part_numbered(part_number, tx)
    if part is None:
        raise NotInCatalogue.numbered(part_number)
    parts = await sendable(part, Unit(product_number, hardware_revision), tx)
    rows = await tx.select(Stock, Stock.c.part_number.in_(parts))
    free = {(row.depot_id, row.part_number): row.available for row in rows if row.available > 0}
    due = contract_due(asked_at, cut_off, network.destination(site))
    offers = sorted(network.offers(asked_at, site, free, parts), key=lambda offer: offer.rank(due.day))
    return PromiseOut(
        part_number=part_number,
        asked_at=asked_at,
        contract_due=due.day,
        contract_ends_at=due.ends_at,
        offers=[
            PromiseOffer(
                part_number=o.part_number,
                depot_id=o.depot.id,
                depot_code=o.depot.code,
                available=free[o.depot.id, o.part_number],
                **dict(o.promise),
                transit_days=o.lane.transit_days,
                cost_minor=o.lane.cost.amount_minor,
                currency=o.lane.cost.currency,
            )
            for o in offers
        ],
    )


def _somewhere(country: str, region: str | None, time_zone: str) -> Site:
    try:
        ZoneInfo(time_zone)
    except (LookupError, ValueError, OSError):
        raise NoTimeZone(f"There is no time zone {time_zone!r}.") from None
    return Site(
        site_id=UUID(int=0),
        city="",
        region=region,
        country=country,
        time_zone=time_zone,
        opening_hours=[],
    )

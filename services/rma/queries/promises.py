"""The what-if of a promise."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Query
from pydantic import AwareDatetime, BaseModel

from libs.events.values import CountryCode, Instant, PromiseReason, Site
from libs.kit.auth import STAFF, Principal
from libs.kit.fields import ProductNumber, Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.problems import NotOfThisAccount, Unprocessable
from libs.kit.rows import of_its_accounts
from libs.store import Transaction
from services.rma.model.network import Network
from services.rma.model.part import NotInCatalogue, Unit, part_numbered, sendable
from services.rma.model.places import SiteDays
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


@dataclass
class Asked:
    """A part, and where to: a site, or a country with its time zone. Of the unit, where it is told, the substitutes fit."""

    part_number: Annotated[Word, Query()]
    site_id: Annotated[UUID | None, Query()] = None
    country: Annotated[CountryCode | None, Query()] = None
    region: Annotated[Word | None, Query()] = None
    time_zone: Annotated[Word | None, Query(examples=["Asia/Ho_Chi_Minh"])] = None
    at: Annotated[AwareDatetime | None, Query(ge=_FIRST, le=_LAST)] = None
    product_number: Annotated[ProductNumber | None, Query()] = None
    hardware_revision: Annotated[Word | None, Query()] = None
    cut_off: Annotated[str, Query(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "15:00"


@router.get("/v1/promises", dependencies=[allow("customer", "reseller", *STAFF)])
async def get_promises_route(tx: Tx, caller: Caller, asked: Annotated[Asked, Depends()]) -> PromiseOut:
    """Part, destination and instant → dates and reasons, from the stock there is now; nothing is kept for anybody."""
    site = await _site(asked.site_id, caller, tx) if asked.site_id else _somewhere(asked)
    asked_at = asked.at or tx.now
    network = await Network.load(tx, site_id=asked.site_id)
    part = await part_numbered(asked.part_number, tx)
    if part is None:
        raise NotInCatalogue.numbered(asked.part_number)
    parts = await sendable(part, Unit(asked.product_number, asked.hardware_revision), tx)
    rows = await tx.select(Stock, Stock.c.part_number.in_(parts))
    free = {(row.depot_id, row.part_number): row.available for row in rows if row.available > 0}
    due = contract_due(asked_at, asked.cut_off, network.destination(site))
    offers = sorted(network.offers(asked_at, site, free, parts), key=lambda offer: offer.rank(due.day))
    return PromiseOut(
        part_number=asked.part_number,
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


async def _site(site_id: UUID, caller: Principal, tx: Transaction) -> Site:
    known = await tx.first(SiteDays, SiteDays.c.id == site_id, *of_its_accounts(caller, SiteDays.c.account_id))
    if known is None or known.gone:
        raise NotOfThisAccount(f"There is no site {site_id}.")
    return Site.model_validate({"site_id": site_id, **vars(known)})


def _somewhere(asked: Asked) -> Site:
    if asked.country is None or asked.time_zone is None:
        raise NoTimeZone("Say a site_id, or a country and its time_zone.")
    try:
        ZoneInfo(asked.time_zone)
    except (LookupError, ValueError, OSError):
        raise NoTimeZone(f"There is no time zone {asked.time_zone!r}.") from None
    return Site(
        site_id=UUID(int=0),
        city="",
        region=asked.region,
        country=asked.country,
        time_zone=asked.time_zone,
        opening_hours=[],
    )

"""What reaches a destination from where, and by when: depots, lanes and calendars read together."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from libs.events.values import NamedDay, Site
from libs.kit.calendar import Calendar, CalendarError, calendar
from libs.kit.problems import Unprocessable
from libs.store import Compiled, Reference, Transaction
from services.rma.model.depot import Depot, Lane
from services.rma.model.depot_calendar import DepotCalendar, by_id
from services.rma.model.places import PlaceCalendar, SiteDays, destination_calendar
from services.rma.model.policy import policies
from services.rma.model.promise import Promise, Way, forecast
from services.rma.model.rma import Rma

_PLACE = {"country", "region", "time_zone", "opening_hours"}
_REMEMBERED = 10_000


class NoWay(Unprocessable):
    title = "No lane leads there"


@dataclass(frozen=True)
class Offer:
    """A part in a depot that can be promised for a date."""

    part_number: str
    # 0: the very part that was asked for.
    substitute_rank: int
    depot: Depot
    lane: Lane
    promise: Promise
    price: tuple[bool, int]

    def rank(self, contract_due: date | None) -> tuple[date, int, date, tuple[bool, int], str]:
        """What keeps the contract comes first, there the part itself before its substitutes, then the earlier, then the cheaper."""
        kept = max(self.promise.promised, contract_due) if contract_due else self.promise.promised
        return kept, self.substitute_rank, self.promise.promised, self.price, self.depot.code


class _Known(NamedTuple):
    depots: dict[UUID, Depot]
    lanes: list[Lane]
    calendars: list[DepotCalendar]
    places: list[PlaceCalendar]
    # Those made so far, by what they are made of: one of many promises to a site is not the first.
    destinations: dict[str, Calendar]


async def _read(tx: Transaction) -> _Known:
    return _Known(
        {depot.id: depot for depot in await tx.read_only(Depot, _DEPOTS)},
        await tx.read_only(Lane, _LANES),
        await tx.read_only(DepotCalendar, _CALENDARS),
        await tx.read_only(PlaceCalendar, _PLACES),
        {},
    )


_DEPOTS, _LANES, _CALENDARS, _PLACES = (
    Compiled(sa.select(cls.table).order_by(cls.c.id)) for cls in (Depot, Lane, DepotCalendar, PlaceCalendar)
)
_network = Reference(_read)


@dataclass(frozen=True)
class Network:
    """To be looked at only: its rows are shared by all transactions."""

    depots: dict[UUID, Depot]
    lanes: list[Lane]
    calendars: list[DepotCalendar]
    places: list[PlaceCalendar]
    destinations: dict[str, Calendar]
    # By country of the depot, from the policy.
    cut_offs: dict[str, str]
    # Of the one site that it is asked about.
    closed: list[NamedDay]
    currency: str

    def price(self, lane: Lane) -> tuple[bool, int]:
        """What its parcels cost, to be compared; what is in another currency than lanes are to be comes last."""
        return lane.cost.currency != self.currency, lane.cost.amount_minor

    @classmethod
    async def load(cls, tx: Transaction, *, plan: str | None = None, site_id: UUID | None = None) -> "Network":
        """All depots, lanes and calendars, with the cut-offs in force for this plan and the site's own closed days."""
        known = await _network(tx)
        countries = {depot.country for depot in known.depots.values()}
        cut_offs = {c: (await policies.at(tx, plan=plan, region=c)).depot_cut_off for c in sorted(countries)}
        days = await SiteDays.find(site_id, tx) if site_id else None
        return cls(*known, cut_offs, (days and days.closed) or [], (await policies.at(tx)).lane_currency)

    @classmethod
    async def load_for(cls, rma: Rma, tx: Transaction) -> "Network":
        """As it is for this RMA's plan and site."""
        return await cls.load(tx, plan=rma.plan, site_id=rma.ship_to.site_id if rma.ship_to else None)

    def destination(self, site: Site) -> Calendar:
        """The business calendar of the site."""
        made_of = f"{site.model_dump_json(include=_PLACE)}{self.closed}"
        if made_of not in self.destinations:
            if len(self.destinations) > _REMEMBERED:
                self.destinations.clear()
            self.destinations[made_of] = destination_calendar(site, self.places, self.closed)
        return self.destinations[made_of]

    def lane(self, depot_id: UUID, site: Site) -> Lane | None:
        """The lane from the depot to the site: the region's before the country's, the cheaper of equals."""
        serving = [lane for lane in self.lanes if lane.depot_id == depot_id and lane.serves(site)]
        return min(serving, key=lambda lane: (lane.region is None, lane.transit_days, self.price(lane)), default=None)

    def way(self, depot: Depot, lane: Lane, site: Site) -> Way | None:
        """None for a depot whose calendar is not known."""
        own = by_id(depot.calendar_id, self.calendars)
        if own is None:
            return None
        cut_off = depot.cut_off or self.cut_offs[depot.country]
        return Way(calendar(own.data), cut_off, lane.transit_days, lane.delivers_by, self.destination(site))

    def way_from(self, depot_id: UUID, site: Site) -> Way:
        """Raises NoWay when the lane or the calendar is there no more."""
        depot, lane = self.depots[depot_id], self.lane(depot_id, site)
        way = self.way(depot, lane, site) if lane else None
        if way is None:
            raise NoWay(f"No lane and calendar lead from depot {depot.code} to {site.country}.")
        return way

    def offers(
        self, asked_at: datetime, site: Site, stock: Iterable[tuple[UUID, str]], parts: list[str]
    ) -> list[Offer]:
        """What the depots that have one of the parts (in order of preference) could promise."""
        offers = []
        for depot_id, part_number in stock:
            depot, lane = self.depots[depot_id], self.lane(depot_id, site)
            way = self.way(depot, lane, site) if lane and depot.active else None
            if lane and way:
                # A calendar without an open day in years can promise nothing.
                with suppress(CalendarError):
                    offers.append(
                        Offer(
                            part_number,
                            parts.index(part_number),
                            depot,
                            lane,
                            forecast(asked_at, way),
                            self.price(lane),
                        )
                    )
        return offers

"""What reaches a destination from where, and by when: depots, lanes and calendars read together."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from libs.events.values import Site
from libs.kit.calendar import Calendar, CalendarError, calendar
from libs.kit.problems import Unprocessable
from libs.store import Compiled, Reference, Transaction
from services.rma.model.business_calendar import BusinessCalendar, by_id, destination_calendar
from services.rma.model.depot import Depot, Lane
from services.rma.model.policy import policies
from services.rma.model.promise import Promise, Way, forecast


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

    def rank(self, contract_due: date | None) -> tuple[date, int, date, int, str]:
        """What keeps the contract comes first, there the part itself before its substitutes, then the earlier, then the cheaper."""
        kept = max(self.promise.promised, contract_due) if contract_due else self.promise.promised
        return kept, self.substitute_rank, self.promise.promised, self.lane.cost.amount_minor, self.depot.code


async def _read(tx: Transaction) -> tuple[dict[UUID, Depot], list[Lane], list[BusinessCalendar]]:
    depots = {depot.id: depot for depot in await tx.read_only(Depot, _DEPOTS)}
    return depots, await tx.read_only(Lane, _LANES), await tx.read_only(BusinessCalendar, _CALENDARS)


_DEPOTS, _LANES, _CALENDARS = (
    Compiled(sa.select(cls.table).order_by(cls.c.id)) for cls in (Depot, Lane, BusinessCalendar)
)
_network = Reference(_read)


@dataclass(frozen=True)
class Network:
    """To be looked at only: its rows are shared by all transactions."""

    depots: dict[UUID, Depot]
    lanes: list[Lane]
    calendars: list[BusinessCalendar]
    # By country of the depot, from the policy.
    cut_offs: dict[str, str]

    @classmethod
    async def load(cls, tx: Transaction, *, plan: str | None = None) -> "Network":
        """All depots, lanes and calendars, with the cut-offs in force for this plan."""
        depots, lanes, calendars = await _network(tx)
        countries = {depot.country for depot in depots.values()}
        cut_offs = {c: (await policies.at(tx, plan=plan, region=c)).depot_cut_off for c in sorted(countries)}
        return cls(depots, lanes, calendars, cut_offs)

    def destination(self, site: Site) -> Calendar:
        """The business calendar of a site."""
        return destination_calendar(site, self.calendars)

    def lane(self, depot_id: UUID, site: Site) -> Lane | None:
        """The lane from the depot to the site: the region's before the country's, the cheaper of equals."""
        serving = [lane for lane in self.lanes if lane.depot_id == depot_id and lane.serves(site)]
        return min(
            serving, key=lambda lane: (lane.region is None, lane.transit_days, lane.cost.amount_minor), default=None
        )

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
                    offers.append(Offer(part_number, parts.index(part_number), depot, lane, forecast(asked_at, way)))
        return offers

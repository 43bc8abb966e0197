"""Depots and lanes: add one, change one, read them. A change forecasts every open promise again."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.events.values import Money, TimeOfDay
from libs.kit.auth import MANAGERS
from libs.kit.fields import Country, Line, Short, Word
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.problems import Unprocessable
from libs.kit.twins import refuse_twin
from services.rma.model.depot import Depot, Lane
from services.rma.model.depot_calendar import DepotCalendar
from services.rma.model.policy import policies
from services.rma.queries.network import DepotOut, LaneOut
from services.rma.reactions.renew_promise import renew_every_open_promise

router = Router(tags=["depots"])


class UnknownReference(Unprocessable):
    title = "It refers to something unknown"


class AnotherCurrency(Unprocessable):
    title = "Lanes are priced in another currency"


class DepotFields(Command):
    """What can be changed of a depot. One without a `cut_off` follows the policy's."""

    name: Line
    address_lines: list[Line] = Field([], max_length=6)
    phone: Word | None = None
    calendar_id: UUID
    cut_off: TimeOfDay | None = None


class CreateDepot(New, DepotFields):
    """A depot that opens."""

    code: Annotated[Word, Field(max_length=20)]
    country: Country
    region: Word | None = None
    city: Short = ""
    postal_code: Word | None = None


class ChangeDepot(Patch, DepotFields):
    """What is other than before; one that is not `active` is not asked for parts."""

    active: bool


class LaneFields(Command):
    """What can be changed of a lane: days on the way, the hour it delivers by, and the price of a parcel."""

    transit_days: Annotated[int, Field(ge=0, le=60)]
    delivers_by: TimeOfDay = "12:00"
    cost: Money


class CreateLane(New, LaneFields):
    """A carrier's service from a depot to a country, or to a region of it."""

    depot_id: UUID
    country: Country
    region: Word | None = None
    carrier: Line
    service: Line = "next_business_day"


class ChangeLane(Patch, LaneFields):
    """What is other than before; one that is not `active` is not used."""

    active: bool


@router.post("/v1/depots", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_depot_route(cmd: CreateDepot, tx: Tx) -> DepotOut:
    """Its code is its own."""
    await refuse_twin(Depot, tx, code=cmd.code)
    await _know_calendar(cmd.calendar_id, tx)
    return DepotOut.model_validate(cmd.make(Depot, tx, active=True))


@router.patch("/v1/depots/{depot_id}", dependencies=[allow(*MANAGERS)])
async def change_depot_route(depot_id: UUID, cmd: ChangeDepot, tx: Tx) -> DepotOut:
    """Every open promise is forecast again."""
    depot = await Depot.get(depot_id, tx, lock=True)
    if changed := cmd.apply_to(depot):
        if "calendar_id" in changed:
            await _know_calendar(cmd.calendar_id, tx)
        await renew_every_open_promise(tx, "network")
    return DepotOut.model_validate(depot)


@router.post("/v1/lanes", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_lane_route(cmd: CreateLane, tx: Tx) -> LaneOut:
    """Every open promise is forecast again, and who waited for a lane is served."""
    if await Depot.find(cmd.depot_id, tx) is None:
        raise UnknownReference(f"There is no depot {cmd.depot_id}.")
    await _one_currency(cmd.cost, tx)
    await renew_every_open_promise(tx, "network")
    return LaneOut.model_validate(cmd.make(Lane, tx, active=True))


@router.patch("/v1/lanes/{lane_id}", dependencies=[allow(*MANAGERS)])
async def change_lane_route(lane_id: UUID, cmd: ChangeLane, tx: Tx) -> LaneOut:
    """Every open promise is forecast again."""
    lane = await Lane.get(lane_id, tx, lock=True)
    if changed := cmd.apply_to(lane):
        if "cost" in changed:
            await _one_currency(cmd.cost, tx)
        await renew_every_open_promise(tx, "network")
    return LaneOut.model_validate(lane)


async def _one_currency(cost: Money, tx: Tx) -> None:
    """Of two lanes the cheaper is taken."""
    currency = (await policies.at(tx)).lane_currency
    if cost.currency != currency:
        raise AnotherCurrency(f"Lanes are priced in {currency}, not in {cost.currency}.", currency=currency)


async def _know_calendar(calendar_id: UUID, tx: Tx) -> None:
    if await DepotCalendar.find(calendar_id, tx) is None:
        raise UnknownReference(f"There is no calendar {calendar_id}.")

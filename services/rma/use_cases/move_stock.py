"""Stock: goods in, counts, transfers, quarantine, reorder points."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from libs.kit.auth import STOCK_KEEPERS, Principal
from libs.kit.fields import Reason, Serial, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Forbidden, Unprocessable
from libs.store import Transaction
from libs.store.ids import derived
from services.rma.model.custody import OUT, Hand, Place, TrackedUnit, take_in, tracked
from services.rma.model.depot import Depot
from services.rma.model.part import part_numbered
from services.rma.model.stock import Stock, locked_stock, offer_to_backorders
from services.rma.queries.stock import StockOut

router = Router(tags=["stock"])
Quantity = Annotated[int, Field(ge=1, le=100_000)]


class NoSuchPlace(Unprocessable):
    title = "No such depot or part"


class AnotherDepot(Forbidden):
    title = "Another depot's stock"


class NameTheSerials(Unprocessable):
    title = "Their serials have to be said"


class WithSerials(Command):
    """`serials`, where the units were scanned: all of them."""

    quantity: Quantity
    serials: list[Serial] | None = Field(None, max_length=10_000)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if self.serials is not None and len(set(self.serials)) != self.quantity:
            raise ValueError("as many different serials as units")
        return self


class BookGoodsIn(WithSerials):
    """So many of a part came into the depot."""

    depot_id: UUID
    part_number: Word
    reason: Reason = "goods in"


class CountStock(Command):
    """What is really on the shelf."""

    depot_id: UUID
    part_number: Word
    counted: int = Field(ge=0, le=1_000_000)
    reason: Reason = "count"


class TransferStock(WithSerials):
    """So many of a part go from one depot to another."""

    from_depot_id: UUID
    to_depot_id: UUID
    part_number: Word
    reason: Reason = "transfer"


class QuarantineStock(WithSerials):
    """`set_aside` takes good parts off the shelf; `release` puts them back; `scrap` ends it for good. Units in quarantine whose serials
    are known leave it by their serials."""

    depot_id: UUID
    part_number: Word
    action: Literal["set_aside", "release", "scrap"] = "set_aside"
    reason: Reason


class SetReorderPoint(Command):
    """Below so many available ones the shelf is listed as running low."""

    depot_id: UUID
    part_number: Word
    reorder_point: int = Field(ge=0, le=1_000_000)


async def _own_stock(caller: Principal, depot_id: UUID, part_number: str, tx: Transaction) -> Stock:
    """The locked row. Raises AnotherDepot or NoSuchPlace."""
    if caller.role == "depot" and depot_id not in caller.depots:
        raise AnotherDepot("A depot keeps its own stock.")
    if await Depot.find(depot_id, tx) is None or await part_numbered(part_number, tx) is None:
        raise NoSuchPlace(f"There is no depot {depot_id}, or no part {part_number}.")
    return await locked_stock(depot_id, part_number, tx)


def _out(stock: Stock, tx: Transaction) -> StockOut:
    """What became free goes to those who wait."""
    offer_to_backorders(stock, tx)
    return StockOut.model_validate(stock)


_BY_ACTION: dict[str, tuple[Hand, Place]] = {
    "set_aside": ("set_aside", "quarantined"),
    "release": ("restocked", "in_stock"),
    "scrap": ("scrapped", "scrapped"),
}


async def _hand_over(
    serials: list[str] | None, part_number: str, what: Hand, place: Place, depot_id: UUID, tx: Transaction
) -> None:
    """Raises SerialIsOut."""
    for serial in sorted(serials or ()):
        unit = await tracked(part_number, serial, tx)
        if unit.place in OUT:
            raise unit.is_out()
        unit.hand_over(what, place, tx, depot_id=depot_id)


async def _must_be_named(cmd: QuarantineStock, stock: Stock, tx: Transaction) -> None:
    """So many are left that the units known to be in quarantine can be among them. Raises NameTheSerials."""
    known = await tx.select(
        TrackedUnit,
        TrackedUnit.c.part_number == cmd.part_number,
        TrackedUnit.c.place.in_(("quarantined", "missing")),
        TrackedUnit.c.depot_id == cmd.depot_id,
    )
    left = {unit.serial for unit in known} - set(cmd.serials or ())
    if left and len(left) > stock.quarantined - cmd.quantity:
        raise NameTheSerials("Say which of them leave the quarantine.", serials=sorted(left)[:100])


@router.post("/v1/stock/goods-in", status_code=201, dependencies=[allow(*STOCK_KEEPERS)])
async def book_goods_in_route(cmd: BookGoodsIn, tx: Tx, caller: Caller) -> StockOut:
    """What came in serves those who wait for it."""
    stock = await _own_stock(caller, cmd.depot_id, cmd.part_number, tx)
    stock.add(cmd.quantity, tx, cmd.reason)
    await take_in(cmd.part_number, cmd.serials or [], cmd.depot_id, tx)
    return _out(stock, tx)


@router.post("/v1/stock/counts", status_code=201, dependencies=[allow(*STOCK_KEEPERS)])
async def count_stock_route(cmd: CountStock, tx: Tx, caller: Caller) -> StockOut:
    """Fewer than are kept for RMAs cannot be entered."""
    stock = await _own_stock(caller, cmd.depot_id, cmd.part_number, tx)
    stock.count(cmd.counted, tx, cmd.reason)
    return _out(stock, tx)


@router.post("/v1/stock/transfers", status_code=201, dependencies=[allow(*STOCK_KEEPERS)])
async def transfer_stock_route(cmd: TransferStock, tx: Tx, caller: Caller) -> list[StockOut]:
    """From and to, in this order; a depot sees of the two what is its own."""
    if cmd.from_depot_id == cmd.to_depot_id or await Depot.find(cmd.to_depot_id, tx) is None:
        raise NoSuchPlace("A transfer goes to another depot that there is.")
    await tx.find_many(
        Stock, sorted(derived(d, cmd.part_number) for d in (cmd.from_depot_id, cmd.to_depot_id)), lock=True
    )
    source = await _own_stock(caller, cmd.from_depot_id, cmd.part_number, tx)
    source.take(cmd.quantity, tx, cmd.reason)
    target = await locked_stock(cmd.to_depot_id, cmd.part_number, tx)
    target.add(cmd.quantity, tx, cmd.reason, kind="transfer_in")
    await _hand_over(cmd.serials, cmd.part_number, "transferred", "in_stock", cmd.to_depot_id, tx)
    moved = [(stock.depot_id, _out(stock, tx)) for stock in (source, target)]
    return [out for depot_id, out in moved if caller.role != "depot" or depot_id in caller.depots]


@router.post("/v1/stock/quarantine", status_code=201, dependencies=[allow(*STOCK_KEEPERS)])
async def quarantine_stock_route(cmd: QuarantineStock, tx: Tx, caller: Caller) -> StockOut:
    """Sets parts aside, or ends that."""
    stock = await _own_stock(caller, cmd.depot_id, cmd.part_number, tx)
    if cmd.action == "set_aside":
        stock.quarantine(cmd.quantity, tx, cmd.reason)
    else:
        await _must_be_named(cmd, stock, tx)
        stock.unquarantine(cmd.quantity, tx, cmd.reason, back_to_shelf=cmd.action == "release")
    what, place = _BY_ACTION[cmd.action]
    await _hand_over(cmd.serials, cmd.part_number, what, place, cmd.depot_id, tx)
    return _out(stock, tx)


@router.post("/v1/stock/reorder-points", status_code=201, dependencies=[allow(*STOCK_KEEPERS)])
async def set_reorder_point_route(cmd: SetReorderPoint, tx: Tx, caller: Caller) -> StockOut:
    """Says from when a shelf runs low."""
    stock = await _own_stock(caller, cmd.depot_id, cmd.part_number, tx)
    stock.reorder_point = cmd.reorder_point
    return StockOut.model_validate(stock)

"""The parts catalogue: add a part, change it, read it."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.events.values import Money
from libs.kit.auth import STOCK_KEEPERS
from libs.kit.fields import Line, ProductNumber, Word
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.twins import refuse_twin
from services.rma.model.part import Fit, Part
from services.rma.model.stock import Stock, offer_to_backorders
from services.rma.queries.parts import PartOut

router = Router(tags=["parts"])


class FittingUnit(Fit):
    """A product that the part goes into; no revisions means all of them."""

    product_number: ProductNumber
    hardware_revisions: Annotated[list[Word], Field(max_length=100)] = Field(default_factory=list)


class PartFields(Command):
    """What can be changed of an entry."""

    name: Line
    fits: list[FittingUnit] = Field([], max_length=500)
    substitutes: list[Word] = Field([], max_length=50)
    serialised: bool = True
    returnable: bool = True
    hazardous: bool = False
    list_price: Money | None = None


class CreatePart(New, PartFields):
    """A part number of its own."""

    part_number: Word
    component: Word
    whole_unit: bool = False
    product_number: ProductNumber | None = None


class ChangePart(Patch, PartFields):
    """What is other than before; one that is not `active` is not chosen by itself."""

    active: bool


@router.post("/v1/parts", status_code=201, dependencies=[allow(*STOCK_KEEPERS)])
async def create_part_route(cmd: CreatePart, tx: Tx) -> PartOut:
    """Of a whole unit, `product_number` says which product it is."""
    await refuse_twin(Part, tx, part_number=cmd.part_number)
    return PartOut.model_validate(cmd.make(Part, tx, active=True))


@router.patch("/v1/parts/{part_id}", dependencies=[allow(*STOCK_KEEPERS)])
async def change_part_route(part_id: UUID, cmd: ChangePart, tx: Tx) -> PartOut:
    """RMAs that have a part kept are left as they are; who waits for one may be served by it now."""
    part = await Part.get(part_id, tx, lock=True)
    if cmd.apply_to(part):
        for stock in await tx.select(Stock, Stock.c.part_number.in_([part.part_number, *part.substitutes])):
            offer_to_backorders(stock, tx)
    return PartOut.model_validate(part)

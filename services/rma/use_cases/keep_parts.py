"""The parts catalogue: add a part, change it, read it."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from libs.events.values import Money
from libs.kit.auth import STOCK_KEEPERS
from libs.kit.fields import Line, ProductNumber, Word
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.twins import refuse_twin
from libs.store import Transaction
from libs.store.ids import new_id
from services.rma.model.part import Fit, Part
from services.rma.queries.parts import PartOut

router = Router(tags=["parts"])


class FittingUnit(Fit):
    product_number: ProductNumber
    hardware_revisions: Annotated[list[Word], Field(max_length=100)] = Field(default_factory=list)


class AddPart(Command):
    part_number: Word
    name: Line
    component: Word
    whole_unit: bool = False
    product_number: ProductNumber | None = None
    fits: list[FittingUnit] = Field([], max_length=500)
    substitutes: list[Word] = Field([], max_length=50)
    serialised: bool = True
    returnable: bool = True
    hazardous: bool = False
    list_price: Money | None = None


class ChangePart(Command):
    """Only what is given changes."""

    name: Line = ""
    fits: list[FittingUnit] = Field([], max_length=500)
    substitutes: list[Word] = Field([], max_length=50)
    serialised: bool = True
    returnable: bool = True
    hazardous: bool = False
    list_price: Money | None = None
    active: bool = True


def add_part(cmd: AddPart, tx: Transaction) -> Part:
    fields: dict[str, Any] = dict(cmd) | {"id": new_id(), "active": True}
    return tx.add(Part(**fields))


async def change_part(part_id: UUID, cmd: ChangePart, tx: Transaction) -> Part:
    part = await Part.get(part_id, tx, lock=True)
    for name in cmd.model_fields_set:
        setattr(part, name, getattr(cmd, name))
    return part


@router.post("/v1/parts", status_code=201, dependencies=[allow(*STOCK_KEEPERS)])
async def add_part_route(cmd: AddPart, tx: Tx) -> PartOut:
    await refuse_twin(Part, tx, part_number=cmd.part_number)
    return PartOut.model_validate(add_part(cmd, tx))


@router.patch("/v1/parts/{part_id}", dependencies=[allow(*STOCK_KEEPERS)])
async def change_part_route(part_id: UUID, cmd: ChangePart, tx: Tx) -> PartOut:
    return PartOut.model_validate(await change_part(part_id, cmd, tx))

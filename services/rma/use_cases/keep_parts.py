"""The parts catalogue: add a part, change it, read it."""

import json
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.dialects.postgresql import JSONB

from libs.events.values import Money
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.store import Transaction
from libs.store.ids import new_id
from services.rma.model.part import Fit, Part
from services.rma.queries import READERS

router = Router(tags=["parts"])
PartNumber = Annotated[str, Field(min_length=1, max_length=100)]


class AddPart(Command):
    id: UUID | None = None
    part_number: PartNumber
    name: str = Field(min_length=1, max_length=200)
    component: str = Field(min_length=1, max_length=100)
    whole_unit: bool = False
    product_number: str | None = Field(None, max_length=100)
    fits: list[Fit] = Field([], max_length=500)
    substitutes: list[PartNumber] = Field([], max_length=50)
    serialised: bool = True
    returnable: bool = True
    hazardous: bool = False
    list_price: Money | None = None


class ChangePart(Command):
    """Only what is given changes."""

    name: str = Field("", min_length=1, max_length=200)
    fits: list[Fit] = Field([], max_length=500)
    substitutes: list[PartNumber] = Field([], max_length=50)
    serialised: bool = True
    returnable: bool = True
    hazardous: bool = False
    list_price: Money | None = None
    active: bool = True


class PartOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    part_number: str
    name: str
    component: str
    whole_unit: bool
    product_number: str | None
    fits: list[Fit]
    substitutes: list[str]
    serialised: bool
    returnable: bool
    hazardous: bool
    list_price: Money | None
    active: bool
    revision: int


def add_part(cmd: AddPart, tx: Transaction) -> Part:
    fields: dict[str, Any] = dict(cmd) | {"id": cmd.id or new_id(), "active": True}
    return tx.add(Part(**fields))


async def change_part(part_id: UUID, cmd: ChangePart, tx: Transaction) -> Part:
    part = await Part.get(part_id, tx, lock=True)
    for name in cmd.model_fields_set:
        setattr(part, name, getattr(cmd, name))
    return part


@router.post("/v1/parts", status_code=201, dependencies=[allow("admin", "manager", "depot")])
async def add_part_route(cmd: AddPart, tx: Tx) -> PartOut:
    return PartOut.model_validate(add_part(cmd, tx))


@router.patch("/v1/parts/{part_id}", dependencies=[allow("admin", "manager", "depot")])
async def change_part_route(part_id: UUID, cmd: ChangePart, tx: Tx) -> PartOut:
    return PartOut.model_validate(await change_part(part_id, cmd, tx))


@router.get("/v1/parts", dependencies=[allow(*READERS)])
async def list_parts(
    tx: Tx,
    paging: Paging,
    part_number: Annotated[str | None, Query(max_length=100)] = None,
    component: Annotated[str | None, Query(max_length=100)] = None,
    fits: Annotated[str | None, Query(max_length=100, description="a product number")] = None,
) -> Page[PartOut]:
    where: list[sa.ColumnElement[bool]] = []
    where += [Part.c.part_number == part_number] if part_number else []
    where += [sa.func.lower(Part.c.component) == component.lower()] if component else []
    where += [Part.c.fits.op("@>")(sa.cast(json.dumps([{"product_number": fits}]), JSONB))] if fits else []
    if after := paging.after(str):
        where.append(Part.c.part_number > after[0])
    found = await tx.select(Part, *where, order_by=(Part.c.part_number,), limit=paging.limit + 1)
    return page([PartOut.model_validate(each) for each in found], paging.limit, lambda part: (part.part_number,))


@router.get("/v1/parts/{part_id}", dependencies=[allow(*READERS)])
async def get_part(part_id: UUID, tx: Tx) -> PartOut:
    return PartOut.model_validate(await Part.get(part_id, tx))

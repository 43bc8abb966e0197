"""The parts catalogue as it is."""

import json
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy.dialects.postgresql import JSONB

from libs.events.values import Money
from libs.kit.auth import RMA_READERS
from libs.kit.fields import ProductNumber, Word
from libs.kit.http import Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from services.rma.model.part import Fit, Part

router = Router(tags=["parts"])


class PartOut(BaseModel):
    """An entry of the catalogue. `fits` names no product: it is not bound to one."""

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


@router.get("/v1/parts", dependencies=[allow(*RMA_READERS)])
async def list_parts(
    tx: Tx,
    paging: Paging,
    part_number: Word | None = None,
    component: Word | None = None,
    fits: Annotated[ProductNumber | None, Query(description="a product number")] = None,
) -> Page[PartOut]:
    where: list[sa.ColumnElement[bool]] = []
    where += [Part.c.part_number == part_number] if part_number else []
    where += [sa.func.lower(Part.c.component) == component.lower()] if component else []
    where += [Part.c.fits.op("@>")(sa.cast(json.dumps([{"product_number": fits}]), JSONB))] if fits else []
    if after := paging.after(str):
        where.append(Part.c.part_number > after[0])
    found = await tx.select(Part, *where, order_by=(Part.c.part_number,), limit=paging.limit + 1)
    return page([PartOut.model_validate(each) for each in found], paging.limit, lambda part: (part.part_number,))


@router.get("/v1/parts/{part_id}", dependencies=[allow(*RMA_READERS)])
async def get_part(part_id: UUID, tx: Tx) -> PartOut:
    """One entry of the catalogue."""
    return PartOut.model_validate(await Part.get(part_id, tx))

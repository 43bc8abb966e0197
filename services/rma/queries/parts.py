"""The parts catalogue as it is."""

from typing import Annotated, ClassVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field

from libs.events.values import Money
from libs.kit.auth import RMA_READERS
from libs.kit.fields import ProductNumber, Word
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, contains, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.kit.rows import Rows
from services.rma.model.part import Fit, Part

router = Router(tags=["parts"])


class PartOut(Out):
    """An entry of the catalogue. `fits` names no product: it is not bound to one."""

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


class PartList(Listing):
    """The catalogue, by part number."""

    own: ClassVar[frozenset[str]] = frozenset({"component", "fits"})

    q: Words = None
    part_number: Word | None = None
    component: Word | None = None
    fits: ProductNumber | None = Field(None, description="a product number")
    sort: str = order("part_number", "name")


@router.get("/v1/parts", dependencies=[allow(*RMA_READERS)])
async def list_parts_route(tx: Tx, asked: Annotated[PartList, Query()]) -> Page[PartOut]:
    """By part number; `fits` finds what goes into a product."""
    rows: Rows = []
    if asked.component:
        rows.append(sa.func.lower(Part.c.component) == asked.component.lower())
    if asked.fits:
        rows.append(contains(Part.c.fits, [{"product_number": asked.fits}]))
    return await listed(tx, Part, asked, rows, out=PartOut.model_validate)


@router.get("/v1/parts/{part_id}", dependencies=[allow(*RMA_READERS)])
async def get_part_route(part_id: UUID, tx: Tx) -> PartOut:
    """One entry of the catalogue."""
    return PartOut.model_validate(await Part.get(part_id, tx))

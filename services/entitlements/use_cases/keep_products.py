"""Put a model into the catalogue, and change it."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.kit.auth import MANAGERS
from libs.kit.fields import Line, ProductNumber, Text, Word
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.twins import refuse_twin
from services.entitlements.model.case_file import about_product
from services.entitlements.model.product import Product
from services.entitlements.queries.registrations import ProductOut
from services.entitlements.reactions.decide_coverage import decide_soon

router = Router(tags=["products"])
Revision = Annotated[Word, StringConstraints(max_length=40)]


class ProductFields(Command):
    model: Line
    hardware_revisions: Annotated[list[Revision], Field(max_length=50)] = Field(default_factory=list)
    description: Text | None = None


class CreateProduct(New, ProductFields):
    product_number: ProductNumber
    family: Word
    whole_unit: bool = True


class ChangeProduct(Patch, ProductFields):
    """Its number and family stay."""


@router.post("/v1/products", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_product_route(cmd: CreateProduct, tx: Tx) -> ProductOut:
    """Puts a model into the catalogue; its product number is used once."""
    await refuse_twin(Product, tx, product_number=cmd.product_number)
    product = cmd.make(Product, tx)
    await decide_soon(tx, about_product(product.product_number))
    return ProductOut.model_validate(product)


@router.patch("/v1/products/{product_id}", dependencies=[allow(*MANAGERS)])
async def change_product_route(product_id: UUID, cmd: ChangeProduct, tx: Tx) -> ProductOut:
    """Changes a model of the catalogue."""
    product = await Product.get(product_id, tx, lock=True)
    if cmd.apply_to(product):
        await decide_soon(tx, about_product(product.product_number))
    return ProductOut.model_validate(product)

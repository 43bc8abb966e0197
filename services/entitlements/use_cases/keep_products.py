"""Put a model into the catalogue, and change it."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.kit.auth import MANAGERS
from libs.kit.fields import Line, ProductNumber, Text, Word
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.twins import refuse_twin
from libs.store.ids import new_id
from services.entitlements.model.case_file import about_product, decide_soon
from services.entitlements.model.fields import unchanged
from services.entitlements.model.product import Product
from services.entitlements.queries.registrations import ProductOut
from services.entitlements.use_cases.changes import Change

router = Router(tags=["products"])
Revision = Annotated[Word, StringConstraints(max_length=40)]
Revisions = Annotated[list[Revision], Field(max_length=50)]


class CreateProduct(Command):
    product_number: ProductNumber
    model: Line
    family: Word
    hardware_revisions: Revisions = Field(default_factory=list)
    whole_unit: bool = True
    description: Text | None = None


class ChangeProduct(Change):
    model: Line = unchanged()
    hardware_revisions: Revisions = unchanged()
    description: Text | None = None


@router.post("/v1/products", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_product_route(cmd: CreateProduct, tx: Tx) -> ProductOut:
    await refuse_twin(Product, tx, product_number=cmd.product_number)
    product = tx.add(
        Product(
            id=new_id(),
            product_number=cmd.product_number,
            model=cmd.model,
            family=cmd.family,
            hardware_revisions=cmd.hardware_revisions,
            whole_unit=cmd.whole_unit,
            description=cmd.description,
            created_at=tx.now,
        )
    )
    await decide_soon(tx, about_product(product.product_number))
    return ProductOut.model_validate(product)


@router.patch("/v1/products/{product_id}", dependencies=[allow(*MANAGERS)])
async def change_product_route(product_id: UUID, cmd: ChangeProduct, tx: Tx) -> ProductOut:
    product = await Product.get(product_id, tx, lock=True)
    cmd.apply(product)
    await decide_soon(tx, about_product(product.product_number))
    return ProductOut.model_validate(product)

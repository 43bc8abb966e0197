"""The catalogue, registered products and their licences as they are read."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Query
from pydantic import ConfigDict, Field

from libs.kit.auth import ACCOUNT_READERS, CASE_READERS, Principal
from libs.kit.fields import ProductNumber, Serial, Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import DatedListing, Listing, Out, Summarised, is_set, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from services.entitlements.model import licence, registration
from services.entitlements.model.history import Change
from services.entitlements.model.licence import Licence
from services.entitlements.model.product import Product
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.queries.access import shown, visible_to

router = Router(tags=["registrations"])
READ = [allow(*ACCOUNT_READERS)]
ANYONE = [allow(*CASE_READERS)]


class ProductOut(Out):
    id: UUID
    product_number: str
    model: str
    family: str
    hardware_revisions: list[str]
    whole_unit: bool
    description: str | None


class ChangeOut(Change):
    model_config = ConfigDict(from_attributes=True)


class RegistrationSummary(Out):
    """One line of a board."""

    id: UUID
    account_id: UUID
    product_number: str
    serial: str
    family: str
    model: str
    site_id: UUID | None
    state: registration.State
    disputed_at: datetime | None
    updated_at: datetime


class RegistrationOut(RegistrationSummary):
    hardware_revision: str | None
    firmware: str | None
    contact_id: UUID | None
    contract_id: UUID | None
    history: list[ChangeOut]
    created_at: datetime

    @classmethod
    def of(cls, registration: Registration, caller: Principal, **more: Any) -> Self:
        """What the caller may read of it: of its history, the time in which it was theirs."""
        changes = [change for change in registration.history if caller.may_see(change.account_id)]
        return cls.model_validate({**registration.__dict__, "history": changes, **more})


class SerialOut(Out):
    """A serial that a registration has, or had until it was replaced."""

    product_number: str
    serial: str
    replaced_by: str | None
    replaced_at: datetime | None


class RegistrationWithSerials(RegistrationOut):
    serials: list[SerialOut]


class LicenceOut(Out):
    id: UUID
    account_id: UUID
    key: str
    software: str
    premium: bool
    contract_id: UUID | None
    product_number: str | None
    serial: str | None
    seats: int | None
    valid_from: date
    valid_until: date | None
    state: licence.State
    history: list[Change]
    created_at: datetime
    updated_at: datetime


class ProductList(Listing):
    """`name`: its model."""

    q: Words = None
    family: Word | None = None
    product_number: ProductNumber | None = None
    sort: str = order("id", "name")


class RegistrationList(Summarised, DatedListing):
    account_id: UUID | None = None
    site_id: UUID | None = None
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    state: registration.State | None = None
    disputed: bool | None = Field(None, description="another registration holds the unit")
    sort: str = order("id", "updated_at")


class LicenceList(DatedListing):
    key: Word | None = None
    serial: Serial | None = None
    product_number: ProductNumber | None = None
    account_id: UUID | None = None
    state: licence.State | None = None
    sort: str = order("id", "updated_at")


@router.get("/v1/products", dependencies=ANYONE)
async def list_products_route(tx: Tx, asked: Annotated[ProductList, Query()]) -> Page[ProductOut]:
    """The models that can be registered."""
    return await listed(tx, Product, asked, out=ProductOut.model_validate)


@router.get("/v1/products/{product_id}", dependencies=ANYONE)
async def get_product_route(product_id: UUID, tx: Tx) -> ProductOut:
    """One model of the catalogue."""
    return ProductOut.model_validate(await Product.get(product_id, tx))


@router.get("/v1/registrations", dependencies=READ)
async def list_registrations_route(
    tx: Tx, caller: Caller, asked: Annotated[RegistrationList, Query()]
) -> Page[RegistrationOut] | Page[RegistrationSummary]:
    """The registered units of the accounts that this caller sees (S16)."""
    rows = visible_to(caller, Registration) + is_set(Registration.c.disputed_at, asked.disputed)
    return await listed(
        tx, Registration, asked, rows, out=lambda found: RegistrationOut.of(found, caller), summary=RegistrationSummary
    )


@router.get("/v1/registrations/{registration_id}", dependencies=READ)
async def get_registration_route(registration_id: UUID, tx: Tx, caller: Caller) -> RegistrationWithSerials:
    """One registered unit, with every serial that it has or had."""
    found = await shown(Registration, registration_id, caller, tx)
    serials = await tx.select(
        RegisteredSerial, RegisteredSerial.c.registration_id == found.id, order_by=(RegisteredSerial.c.replaced_at,)
    )
    return RegistrationWithSerials.of(found, caller, serials=serials)


@router.get("/v1/licences", dependencies=READ)
async def list_licences_route(tx: Tx, caller: Caller, asked: Annotated[LicenceList, Query()]) -> Page[LicenceOut]:
    """By key, by serial, or by account (S17)."""
    return await listed(tx, Licence, asked, visible_to(caller, Licence), out=LicenceOut.model_validate)


@router.get("/v1/licences/{licence_id}", dependencies=READ)
async def get_licence_route(licence_id: UUID, tx: Tx, caller: Caller) -> LicenceOut:
    """One licence (S17)."""
    return LicenceOut.model_validate(await shown(Licence, licence_id, caller, tx))

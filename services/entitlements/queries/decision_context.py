"""What a decision carries along, so that nobody has to ask: the case's unit, site, contact and product."""

from typing import Literal
from uuid import UUID

import sqlalchemy as sa

from libs.events import values
from libs.store import Transaction
from services.entitlements.model.case_file import CaseFile, Opening
from services.entitlements.model.contact import Contact, whoever_stands_for
from services.entitlements.model.coverage import registered
from services.entitlements.model.product import Product
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.model.site import Site


async def lineage(opening: Opening, account_id: UUID, tx: Transaction) -> list[RegisteredSerial]:
    """The unit that the case named, then each that took its place; empty when the account has not registered it.

    It ends before a unit that is another account's by now, or nobody's any more.
    """
    if not (opening.product_number and opening.serial):
        return []
    named = await registered(opening.product_number, opening.serial, account_id, tx)
    units = [named] if named else []
    while units and (next := units[-1].successor):
        successor = await RegisteredSerial.find(next, tx)
        if successor is None or successor.account_id != account_id:
            break
        units.append(successor)
    return units


async def unknown_of_case(opening: Opening, account_id: UUID, tx: Transaction) -> list[Literal["site", "contact"]]:
    """What the request named and the account does not have (any more); whose it is stays unsaid."""
    site = await Site.find(opening.site_id, tx) if opening.site_id else None
    contact = await Contact.find(opening.contact_id, tx) if opening.contact_id else None
    unknown: list[Literal["site", "contact"]] = []
    if opening.site_id and (site is None or site.account_id != account_id):
        unknown.append("site")
    if opening.contact_id and (contact is None or contact.account_id != account_id):
        unknown.append("contact")
    return unknown


async def site_of_case(
    opening: Opening, registration: Registration | None, account_id: UUID, tx: Transaction
) -> Site | None:
    """The site of a case, if anything tells it.

    The one that the request named, else the unit's, else that of whoever asked or of the unit's contact, else the account's only one.
    """
    for id in (opening.site_id, registration.site_id if registration else None):
        site = await Site.find(id, tx) if id else None
        if site and site.account_id == account_id:
            return site
    for id in (opening.contact_id, registration.contact_id if registration else None):
        asks = await whoever_stands_for(id, account_id, tx)
        site = await _only_site(tx, Site.c.account_id == account_id, Site.c.contact_id == asks.id) if asks else None
        if site:
            return site
    return await _only_site(tx, Site.c.account_id == account_id)


async def _only_site(tx: Transaction, *where: sa.ColumnElement[bool]) -> Site | None:
    """None of several: a part that is sent to a guessed site is worse than one that waits until somebody names it."""
    sites = await tx.select(Site, *where, limit=2)
    return sites[0] if len(sites) == 1 else None


async def contact_of_case(
    opening: Opening, registration: Registration | None, site: Site | None, account_id: UUID, tx: Transaction
) -> Contact | None:
    """Who asked, else the unit's contact, else the site's, or a successor; else the first who may sign for the account."""
    of_unit = registration.contact_id if registration else None
    for id in (opening.contact_id, of_unit, site.contact_id if site else None):
        if contact := await whoever_stands_for(id, account_id, tx):
            return contact
    return await tx.first(Contact, Contact.c.account_id == account_id, Contact.c.authorised, Contact.c.active)


async def told_contact(case: CaseFile, account_id: UUID, tx: Transaction) -> values.Contact | None:
    """Whom the case was told last, or a successor: they stay when the present has nobody in their place."""
    told = case.told("contact", values.Contact)
    contact = await whoever_stands_for(told.contact_id, account_id, tx) if told else None
    return contact.facts() if contact else None


async def product_of_case(
    opening: Opening, registration: Registration | None, serial: RegisteredSerial | None, tx: Transaction
) -> values.Product | None:
    """The unit as it is now, by the catalogue where it knows the number; None where nothing is known of it."""
    number = serial.product_number if serial else opening.product_number
    if number is None:
        return None
    product = await tx.first(Product, Product.c.product_number == number)
    if product is None and registration is None:
        return None
    return values.Product(
        product_number=number,
        serial=serial.serial if serial else opening.serial,
        family=product.family if product else registration.family if registration else "",
        model=product.model if product else registration.model if registration else "",
        hardware_revision=registration.hardware_revision if registration else None,
        whole_unit=product.whole_unit if product else True,
        registration_id=registration.id if registration else None,
    )

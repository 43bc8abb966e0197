"""Answer a case with what stands behind it, and answer again when that changes."""

from datetime import datetime
from typing import TypeVar
from uuid import UUID

from libs.events import values
from libs.events.entitlements import CoverageDecided
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.case_file import CaseFile, Opening
from services.entitlements.model.contact import Contact
from services.entitlements.model.coverage import Coverage, coverage_of, registered
from services.entitlements.model.policy import policies
from services.entitlements.model.product import Product
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.model.site import Site

V = TypeVar("V", bound=values.Value)


async def decide(file: CaseFile, tx: Transaction, *, as_opened: bool = False) -> None:
    """Publishes the next revision when the answer is another than the last.

    `as_opened` answers for the very unit the case named, although a replacement may have been heard of before the case was.
    """
    opening, account_id = file.opening, file.account_id
    if opening is None or account_id is None:
        return
    account = await Account.find(account_id, tx)
    registration, serial = await _unit(opening, account_id, tx, as_opened=as_opened)
    site = await _site(opening, registration, account_id, tx)
    contact = await _contact(opening, registration, site, account_id, tx)
    coverage = await _coverage(file, opening, registration, serial, site, tx)
    decided = CoverageDecided(
        case_id=file.id,
        account_id=account_id,
        revision=file.decisions + 1,
        **coverage.model_dump(),
        account=account.facts() if account else values.Account(id=account_id, name=""),
        site=site.facts() if site else _told(file, "site", values.Site),
        contact=contact.facts() if contact else _told(file, "contact", values.Contact),
        product=await _product(opening, registration, serial, tx) or _told(file, "product", values.Product),
        overridden=file.override is not None,
        decided_at=tx.now,
    )
    facts = decided.model_dump(mode="json", exclude={"revision", "decided_at"})
    if facts != file.decided:
        file.decided, file.decisions = facts, decided.revision
        tx.emit(decided)


async def decide_again(account_id: UUID, tx: Transaction) -> None:
    """Something behind the account's cases changed: answers every open one whose answer is another now."""
    await tx.flush()
    for file in await tx.select(CaseFile, CaseFile.c.account_id == account_id, CaseFile.c.is_open, lock=True):
        await decide(file, tx)


async def _unit(
    opening: Opening, account_id: UUID, tx: Transaction, *, as_opened: bool
) -> tuple[Registration | None, RegisteredSerial | None]:
    """The registration of the case's unit, and its serial: by now that of the unit which took its place while the case ran."""
    if not (opening.product_number and opening.serial):
        return None, None
    serial = await registered(opening.product_number, opening.serial, account_id, tx)
    if serial is None or _retired(serial, opening.opened_at):
        return None, serial
    while serial.successor and not as_opened:
        serial = await RegisteredSerial.get(serial.successor, tx)
    return await Registration.get(serial.registration_id, tx), serial


def _retired(serial: RegisteredSerial, opened_at: datetime) -> bool:
    return serial.replaced_at is not None and serial.replaced_at <= opened_at


async def _coverage(
    file: CaseFile,
    opening: Opening,
    registration: Registration | None,
    serial: RegisteredSerial | None,
    site: Site | None,
    tx: Transaction,
) -> Coverage:
    """As it was when the case opened, or as it is now when that is better; the manager's word over both."""
    if registration is None:
        found = Coverage.none("serial_replaced" if serial else "not_registered" if opening.serial else "no_product")
    else:
        found = await coverage_of(registration, site, opening.opened_at, tx)
        now = await coverage_of(registration, site, tx.now, tx)
        if found.worse_than(now) and not now.worse_than(found):
            found = now
    policy = await policies.at(tx, plan=found.plan, region=site.country if site else None)
    found.published_cut_off = policy.published_cut_off
    return file.overridden(file.keep_or_improve(found, never_worse=policy.never_worse))


async def _site(opening: Opening, registration: Registration | None, account_id: UUID, tx: Transaction) -> Site | None:
    """The unit's own, else the one the request named, else the account's only one."""
    for id in (registration.site_id if registration else None, opening.site_id):
        site = await Site.find(id, tx) if id else None
        if site and site.account_id == account_id:
            return site
    sites = await tx.select(Site, Site.c.account_id == account_id, limit=2)
    return sites[0] if len(sites) == 1 else None


async def _contact(
    opening: Opening, registration: Registration | None, site: Site | None, account_id: UUID, tx: Transaction
) -> Contact | None:
    """Who asked, else the unit's, else the site's, else the first who may sign for the account."""
    of_unit = registration.contact_id if registration else None
    for id in (opening.contact_id, of_unit, site.contact_id if site else None):
        contact = await Contact.find(id, tx) if id else None
        if contact and contact.account_id == account_id:
            return contact
    return await tx.one(Contact, Contact.c.account_id == account_id, Contact.c.authorised)


async def _product(
    opening: Opening, registration: Registration | None, serial: RegisteredSerial | None, tx: Transaction
) -> values.Product | None:
    number = serial.product_number if serial else opening.product_number
    if number is None:
        return None
    product = await tx.one(Product, Product.c.product_number == number)
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


def _told(file: CaseFile, name: str, kind: type[V]) -> V | None:
    """Context is never taken back: what the case was told before stays when the present has nothing in its place."""
    told = (file.decided or {}).get(name)
    return kind.model_validate(told) if told else None

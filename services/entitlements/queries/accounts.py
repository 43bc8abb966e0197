"""Accounts, sites and contacts as they are read."""

from datetime import datetime
from uuid import UUID

from libs.events.values import Language, OpeningHours
from libs.kit.auth import ACCOUNT_READERS
from libs.kit.fields import Line, Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging
from services.entitlements.model.account import Account
from services.entitlements.model.contact import Contact
from services.entitlements.model.site import Site
from services.entitlements.queries.access import Out, equal, listing, shown, visible_to

router = Router(tags=["accounts"])
READ = [allow(*ACCOUNT_READERS)]


class AccountOut(Out):
    id: UUID
    name: str
    country: str
    time_zone: str
    language: Language
    created_at: datetime


class SiteOut(Out):
    id: UUID
    account_id: UUID
    name: str
    address_lines: list[str]
    city: str
    region: str | None
    postal_code: str | None
    country: str
    time_zone: str
    opening_hours: list[OpeningHours]
    access_notes: str | None
    contact_id: UUID | None
    created_at: datetime


class ContactOut(Out):
    id: UUID
    account_id: UUID
    name: str
    email: str | None
    phone: str | None
    language: Language
    authorised: bool
    created_at: datetime


@router.get("/v1/accounts", dependencies=READ)
async def list_accounts(tx: Tx, caller: Caller, paging: Paging, country: Word | None = None) -> Page[AccountOut]:
    return await listing(
        Account, AccountOut, paging, tx, *visible_to(caller, Account), equal(Account.c.country, country)
    )


@router.get("/v1/accounts/{account_id}", dependencies=READ)
async def get_account(account_id: UUID, tx: Tx, caller: Caller) -> AccountOut:
    return AccountOut.model_validate(await shown(Account, account_id, caller, tx))


@router.get("/v1/sites", dependencies=READ)
async def list_sites(
    tx: Tx, caller: Caller, paging: Paging, account_id: UUID | None = None, country: Word | None = None
) -> Page[SiteOut]:
    filters = equal(Site.c.account_id, account_id), equal(Site.c.country, country)
    return await listing(Site, SiteOut, paging, tx, *visible_to(caller, Site), *filters)


@router.get("/v1/sites/{site_id}", dependencies=READ)
async def get_site(site_id: UUID, tx: Tx, caller: Caller) -> SiteOut:
    return SiteOut.model_validate(await shown(Site, site_id, caller, tx))


@router.get("/v1/contacts", dependencies=READ)
async def list_contacts(
    tx: Tx, caller: Caller, paging: Paging, account_id: UUID | None = None, email: Line | None = None
) -> Page[ContactOut]:
    filters = equal(Contact.c.account_id, account_id), equal(Contact.c.email, email)
    return await listing(Contact, ContactOut, paging, tx, *visible_to(caller, Contact), *filters)


@router.get("/v1/contacts/{contact_id}", dependencies=READ)
async def get_contact(contact_id: UUID, tx: Tx, caller: Caller) -> ContactOut:
    return ContactOut.model_validate(await shown(Contact, contact_id, caller, tx))

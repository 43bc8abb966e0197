"""Accounts, sites and contacts as they are read."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import Field

from libs.events.values import Language, OpeningHours
from libs.kit.auth import ACCOUNT_READERS
from libs.kit.calendar import NamedDate
from libs.kit.fields import Line, Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import DatedListing, Listing, Out, listed, order
from libs.kit.paging import Page
from libs.kit.rows import Rows
from services.entitlements.model.account import Account
from services.entitlements.model.contact import Contact, State, email_key
from services.entitlements.model.history import Change
from services.entitlements.model.names import named
from services.entitlements.model.site import Site
from services.entitlements.queries.access import shown, visible_to

router = Router(tags=["accounts"])
_WORDS = "words of the name, or how they begin, with or without diacritics"
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
    closed: list[NamedDate]
    created_at: datetime
    updated_at: datetime


class ContactOut(Out):
    """`successor_id` takes over from one who has left. One who was erased has no name any more."""

    id: UUID
    account_id: UUID
    name: str | None
    email: str | None
    phone: str | None
    language: Language
    authorised: bool
    state: State
    active: bool
    successor_id: UUID | None
    erased_at: datetime | None
    history: list[Change]
    created_at: datetime
    updated_at: datetime


def _named(cls: type[Any], q: str | None) -> Rows:
    return [] if q is None else [named(cls, q)]


class AccountList(Listing):
    q: Line | None = Field(None, description=_WORDS)
    country: Word | None = None
    sort: str = order("id", "name")


class SiteList(DatedListing):
    q: Line | None = Field(None, description=_WORDS)
    account_id: UUID | None = None
    country: Word | None = None
    sort: str = order("id", "name", "updated_at")


class ContactList(DatedListing):
    own = frozenset({"email"})

    q: Line | None = Field(None, description=_WORDS)
    account_id: UUID | None = None
    email: Line | None = Field(None, description="in any letter case")
    sort: str = order("id", "name", "updated_at")


@router.get("/v1/accounts", dependencies=READ)
async def list_accounts_route(tx: Tx, caller: Caller, asked: Annotated[AccountList, Query()]) -> Page[AccountOut]:
    """The accounts that this caller sees."""
    return await listed(
        tx, Account, asked, [*visible_to(caller, Account), *_named(Account, asked.q)], out=AccountOut.model_validate
    )


@router.get("/v1/accounts/{account_id}", dependencies=READ)
async def get_account_route(account_id: UUID, tx: Tx, caller: Caller) -> AccountOut:
    """One account."""
    return AccountOut.model_validate(await shown(Account, account_id, caller, tx))


@router.get("/v1/sites", dependencies=READ)
async def list_sites_route(tx: Tx, caller: Caller, asked: Annotated[SiteList, Query()]) -> Page[SiteOut]:
    """The sites of the accounts that this caller sees."""
    return await listed(
        tx, Site, asked, [*visible_to(caller, Site), *_named(Site, asked.q)], out=SiteOut.model_validate
    )


@router.get("/v1/sites/{site_id}", dependencies=READ)
async def get_site_route(site_id: UUID, tx: Tx, caller: Caller) -> SiteOut:
    """One site: its address, opening hours and contact."""
    return SiteOut.model_validate(await shown(Site, site_id, caller, tx))


@router.get("/v1/contacts", dependencies=READ)
async def list_contacts_route(tx: Tx, caller: Caller, asked: Annotated[ContactList, Query()]) -> Page[ContactOut]:
    """The contacts of the accounts that this caller sees."""
    rows = [*visible_to(caller, Contact), *_named(Contact, asked.q)]
    if asked.email:
        rows.append(Contact.c.email_key == email_key(asked.email))
    return await listed(tx, Contact, asked, rows, out=ContactOut.model_validate)


@router.get("/v1/contacts/{contact_id}", dependencies=READ)
async def get_contact_route(contact_id: UUID, tx: Tx, caller: Caller) -> ContactOut:
    """One contact."""
    return ContactOut.model_validate(await shown(Contact, contact_id, caller, tx))

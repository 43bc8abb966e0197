"""Add a site to an account, and change it: an open case is told the new address (S3, S26)."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.calendar import NamedDate
from libs.kit.fields import Country, Line, Text, Zone
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.store import Transaction
from services.entitlements.model.account import Account, must_be_of_account
from services.entitlements.model.contact import Contact
from services.entitlements.model.site import OpeningWindow, Site, refuse_overlaps
from services.entitlements.queries.access import account_of, locked_with_account
from services.entitlements.queries.accounts import SiteOut
from services.entitlements.reactions.decide_coverage import decide_again
from services.entitlements.reactions.offer_discounts import offer_discounts

router = Router(tags=["sites"])
OpeningTimes = Annotated[list[OpeningWindow], Field(min_length=1, max_length=28), AfterValidator(refuse_overlaps)]


class SiteFields(Command):
    name: Line
    address_lines: Annotated[list[Line], Field(min_length=1, max_length=6)]
    city: Line
    region: Line | None = None
    postal_code: Line | None = None
    country: Country
    time_zone: Zone
    opening_hours: OpeningTimes
    access_notes: Text | None = None
    contact_id: UUID | None = None


class CreateSite(New, SiteFields):
    account_id: UUID | None = None


class ChangeSite(Patch, SiteFields):
    """The account stays. `closed`: days on which nobody is there, whatever the country does."""

    closed: Annotated[list[NamedDate], Field(max_length=400)]


async def create_site(cmd: CreateSite, account: Account, tx: Transaction) -> Site:
    """For a locked account: its offers and open cases follow. Raises NotOfThisAccount."""
    await must_be_of_account(Contact, cmd.contact_id, account.id, tx)
    site = cmd.make(Site, tx, account_id=account.id)
    site.tell_days(tx)
    await _tell(account, tx)
    return site


async def change_site(site: Site, account: Account, cmd: ChangeSite, tx: Transaction) -> Site:
    """For a locked site and account, as `create_site`."""
    await must_be_of_account(Contact, cmd.contact_id, account.id, tx)
    if cmd.apply_to(site):
        site.tell_days(tx)
        await _tell(account, tx)
    return site


async def _tell(account: Account, tx: Transaction) -> None:
    await offer_discounts(account, tx)
    await decide_again(account.id, tx)


@router.post("/v1/sites", status_code=201, dependencies=[allow(*ACCOUNT_KEEPERS)])
async def create_site_route(cmd: CreateSite, tx: Tx, caller: Caller) -> SiteOut:
    """Adds a site to an account."""
    return SiteOut.model_validate(await create_site(cmd, await account_of(caller, cmd.account_id, tx), tx))


@router.patch("/v1/sites/{site_id}", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def change_site_route(site_id: UUID, cmd: ChangeSite, tx: Tx, caller: Caller) -> SiteOut:
    """Changes a site; open cases are told the new address (S3, S26)."""
    site, account = await locked_with_account(Site, site_id, caller, tx)
    return SiteOut.model_validate(await change_site(site, account, cmd, tx))

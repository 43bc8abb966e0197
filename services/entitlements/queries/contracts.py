"""Contracts and the discounts they bring, as they are read."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import Query
from pydantic import Field
from sqlalchemy import Date, cast, func, select

from libs.events import values
from libs.kit.auth import ACCOUNT_READERS
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import DatedListing, Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from services.entitlements.model.account import Account
from services.entitlements.model.contract import Contract, State, Term
from services.entitlements.model.history import Change
from services.entitlements.model.offer import Offer, Reseller
from services.entitlements.queries.access import shown, visible_to

router = Router(tags=["contracts"])
READ = [allow(*ACCOUNT_READERS)]


class ContractOut(Out):
    id: UUID
    number: str
    account_id: UUID
    plan: str
    features: list[str]
    options: list[str]
    families: list[str]
    terms: list[Term]
    last_day: date
    state: State
    supersedes_id: UUID | None
    history: list[Change]
    created_at: datetime
    updated_at: datetime


class OfferOut(Out):
    id: UUID
    account_id: UUID
    contract_id: UUID
    reference: str
    country: str
    resellers: list[values.Reseller]
    valid_until: date
    created_at: datetime


class ResellerOut(Out):
    id: UUID
    name: str
    country: str
    email: str | None
    phone: str | None
    url: str | None


class ContractList(DatedListing):
    found_by: ClassVar[Sequence[str]] = ("number",)

    q: Word | None = Field(None, description="a contract's number")
    account_id: UUID | None = None
    state: State | None = None
    sort: str = order("id", "updated_at")


class OfferList(Listing):
    account_id: UUID | None = None
    valid: bool | None = Field(None, description="neither is its last day over nor its contract")
    sort: str = order("-valid_until")


class ResellerList(Listing):
    q: Words = None
    country: Word | None = None
    sort: str = order("id", "name")


@router.get("/v1/contracts", dependencies=READ)
async def list_contracts_route(tx: Tx, caller: Caller, asked: Annotated[ContractList, Query()]) -> Page[ContractOut]:
    """The contracts of the accounts that this caller sees."""
    return await listed(tx, Contract, asked, visible_to(caller, Contract), out=ContractOut.model_validate)


@router.get("/v1/contracts/{contract_id}", dependencies=READ)
async def get_contract_route(contract_id: UUID, tx: Tx, caller: Caller) -> ContractOut:
    """One contract: its plan, options, terms and history."""
    return ContractOut.model_validate(await shown(Contract, contract_id, caller, tx))


@router.get("/v1/offers", dependencies=READ)
async def list_offers_route(tx: Tx, caller: Caller, asked: Annotated[OfferList, Query()]) -> Page[OfferOut]:
    """Discounts on professional services, with the resellers who honour them (S22); those that are valid longest first."""
    rows = visible_to(caller, Offer)
    if asked.valid is not None:
        there = select(Account.c.time_zone).where(Account.c.id == Offer.c.account_id).scalar_subquery()
        still = Offer.c.valid_until >= cast(func.timezone(there, tx.now), Date)
        # a range of the list's own order: what is passed over has its last day just now, somewhere in the world
        yesterday, tomorrow = ((tx.now + timedelta(days=days)).date() for days in (-1, 1))
        near = Offer.c.valid_until >= yesterday if asked.valid else Offer.c.valid_until <= tomorrow
        rows += [near, still if asked.valid else ~still]
    return await listed(tx, Offer, asked, rows, out=OfferOut.model_validate)


@router.get("/v1/offers/{offer_id}", dependencies=READ)
async def get_offer_route(offer_id: UUID, tx: Tx, caller: Caller) -> OfferOut:
    """One offer."""
    return OfferOut.model_validate(await shown(Offer, offer_id, caller, tx))


@router.get("/v1/resellers", dependencies=READ)
async def list_resellers_route(tx: Tx, asked: Annotated[ResellerList, Query()]) -> Page[ResellerOut]:
    """The resellers who honour our discounts."""
    return await listed(tx, Reseller, asked, out=ResellerOut.model_validate)


@router.get("/v1/resellers/{reseller_id}", dependencies=READ)
async def get_reseller_route(reseller_id: UUID, tx: Tx) -> ResellerOut:
    """One reseller."""
    return ResellerOut.model_validate(await Reseller.get(reseller_id, tx))

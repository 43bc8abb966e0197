"""Contracts and the discounts they bring, as they are read."""

from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Date, cast, func, select

from libs.events import values
from libs.kit.auth import ACCOUNT_READERS
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging
from services.entitlements.model.account import Account
from services.entitlements.model.contract import Contract, State, Term
from services.entitlements.model.history import Change
from services.entitlements.model.offer import Offer, Reseller
from services.entitlements.queries.access import Out, equal, listing, shown, visible_to

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


@router.get("/v1/contracts", dependencies=READ)
async def list_contracts(
    tx: Tx, caller: Caller, paging: Paging, account_id: UUID | None = None, state: State | None = None
) -> Page[ContractOut]:
    filters = equal(Contract.c.account_id, account_id), equal(Contract.c.state, state)
    return await listing(Contract, ContractOut, paging, tx, *visible_to(caller, Contract), *filters)


@router.get("/v1/contracts/{contract_id}", dependencies=READ)
async def get_contract(contract_id: UUID, tx: Tx, caller: Caller) -> ContractOut:
    return ContractOut.model_validate(await shown(Contract, contract_id, caller, tx))


@router.get("/v1/offers", dependencies=READ)
async def list_offers(
    tx: Tx, caller: Caller, paging: Paging, account_id: UUID | None = None, valid: bool | None = None
) -> Page[OfferOut]:
    """`valid=true` leaves out those whose last day has passed or whose contract has ended."""
    there = select(Account.c.time_zone).where(Account.c.id == Offer.c.account_id).scalar_subquery()
    still = Offer.c.valid_until >= cast(func.timezone(there, tx.now), Date)
    soon, ever = (tx.now - timedelta(days=1)).date(), date.max  # a range of both ends, which is looked up by its index
    recent = Offer.c.valid_until.between(soon, ever)
    only = None if valid is None else sa.and_(recent, still) if valid else ~still
    return await listing(
        Offer, OfferOut, paging, tx, *visible_to(caller, Offer), equal(Offer.c.account_id, account_id), only
    )


@router.get("/v1/offers/{offer_id}", dependencies=READ)
async def get_offer(offer_id: UUID, tx: Tx, caller: Caller) -> OfferOut:
    return OfferOut.model_validate(await shown(Offer, offer_id, caller, tx))


@router.get("/v1/resellers", dependencies=READ)
async def list_resellers(tx: Tx, paging: Paging, country: Word | None = None) -> Page[ResellerOut]:
    return await listing(Reseller, ResellerOut, paging, tx, equal(Reseller.c.country, country))


@router.get("/v1/resellers/{reseller_id}", dependencies=READ)
async def get_reseller(reseller_id: UUID, tx: Tx) -> ResellerOut:
    return ResellerOut.model_validate(await Reseller.get(reseller_id, tx))

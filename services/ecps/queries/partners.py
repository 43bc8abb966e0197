"""Reads: partners and the agreements with them."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import Query

from libs.events.values import PartnerContact
from libs.kit.auth import CASE_READERS, Principal
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.kit.rows import visible
from services.ecps.model.agreement import Agreement
from services.ecps.model.partner import ConnectorKind, Level, Partner, PartnerChange
from services.ecps.queries.access import agreements_visible_to, partners_visible_to

router = Router(tags=["partners"])


class PartnerOut(Out):
    """How we reach a partner, and up whom we go, is among ourselves: null for everybody else."""

    id: UUID
    code: str
    name: str
    approved_strategic: bool
    permits_direct_work: bool
    requires_agreement: bool
    products: list[str]
    environments: list[str]
    contact: PartnerContact
    response_minutes: int
    procedure: list[Level] | None
    connector: ConnectorKind
    base_url: str | None
    search_by: str | None
    ticket_page: str | None
    has_credentials: bool | None
    credentials_refused_at: datetime | None
    history: list[PartnerChange] | None
    created_at: datetime

    @classmethod
    def of(cls, partner: Partner, caller: Principal) -> Self:
        """What this caller may read of it."""
        out = cls.model_validate(partner)
        if not caller.staff:
            out.procedure = out.base_url = out.search_by = out.has_credentials = out.history = None
            out.credentials_refused_at = None
        return out


class AgreementOut(Out):
    id: UUID
    account_id: UUID
    partner_id: UUID
    reference: str
    valid_from: date
    valid_until: date | None
    time_zone: str
    recorded_by: str
    created_at: datetime


class PartnerList(Listing):
    q: Words = None
    approved_strategic: bool | None = None
    sort: str = order("-created_at", "name")


class AgreementList(Listing):
    account_id: UUID | None = None
    partner_id: UUID | None = None
    sort: str = order("-created_at")


@router.get("/v1/partners", dependencies=[allow(*CASE_READERS)])
async def list_partners_route(tx: Tx, caller: Caller, asked: Annotated[PartnerList, Query()]) -> Page[PartnerOut]:
    """The newest first."""
    rows = partners_visible_to(caller)
    return await listed(tx, Partner, asked, rows, out=lambda partner: PartnerOut.of(partner, caller))


@router.get("/v1/partners/{partner_id}", dependencies=[allow(*CASE_READERS)])
async def get_partner_route(partner_id: UUID, tx: Tx, caller: Caller) -> PartnerOut:
    """One partner; how we reach it is for staff alone."""
    return PartnerOut.of(await visible(Partner, partner_id, partners_visible_to(caller), tx), caller)


@router.get("/v1/partner-agreements", dependencies=[allow(*CASE_READERS)])
async def list_agreements_route(tx: Tx, caller: Caller, asked: Annotated[AgreementList, Query()]) -> Page[AgreementOut]:
    """The newest first."""
    return await listed(tx, Agreement, asked, agreements_visible_to(caller), out=AgreementOut.model_validate)


@router.get("/v1/partner-agreements/{agreement_id}", dependencies=[allow(*CASE_READERS)])
async def get_agreement_route(agreement_id: UUID, tx: Tx, caller: Caller) -> AgreementOut:
    """One agreement between an account and a partner."""
    return AgreementOut.model_validate(await visible(Agreement, agreement_id, agreements_visible_to(caller), tx))

"""RMAs as far as the caller may see them."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import BaseModel, ConfigDict

from libs.events.values import Contact, Priority, Severity, Site
from libs.kit.auth import RMA_READERS, Principal
from libs.kit.fields import Serial, Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.kit.rows import in_order, visible
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.promise import Promise
from services.rma.model.rma import Rma
from services.rma.model.rma_values import (
    Change,
    Denial,
    InspectionResult,
    Installation,
    Invoice,
    OutboundState,
    ReturnState,
    WaitingFor,
)
from services.rma.model.shipment import Direction, LabelState, Shipment
from services.rma.queries.access import visible_to

router = Router(tags=["rmas"])


class RmaOut(BaseModel):
    """Both legs of one replacement."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    account_id: UUID
    case_id: UUID
    case_number: str | None
    diagnosis_id: UUID
    replaces_rma_id: UUID | None
    replaced_by_rma_id: UUID | None
    component: str
    whole_unit: bool
    product_number: str | None
    serial: str | None
    severity: Severity | None
    priority: Priority | None
    onsite: bool
    state: OutboundState
    waiting_for: WaitingFor | None
    denial: Denial | None
    part_number: str | None
    substitute_for: str | None
    depot_id: UUID | None
    ship_to: Site | None
    contact: Contact | None
    contract_due: date | None
    contract_missed: bool
    promise: Promise | None
    shipped_serial: str | None
    shipped_at: datetime | None
    carrier: str | None
    tracking: str | None
    delivered_at: datetime | None
    received_by: str | None
    installation: Installation | None
    repeat_of: list[UUID]
    return_state: ReturnState
    returns: str
    return_serial: str | None
    return_due: date | None
    return_due_at: datetime | None
    received_serial: str | None
    received_at: datetime | None
    inspection: InspectionResult | None
    invoice: Invoice | None
    created_at: datetime
    closed_at: datetime | None
    revision: int

    @classmethod
    def of(cls, rma: Rma) -> "RmaOut":
        """As a caller reads it."""
        return cls.model_validate(rma)


class ShipmentOut(BaseModel):
    """A parcel of an RMA, and its label."""

    model_config = ConfigDict(from_attributes=True)

    direction: Direction
    reference: str
    state: LabelState
    carrier: str | None
    service: str
    tracking: str | None
    label_url: str | None
    planned_delivery: datetime | None
    papers: list[str]
    problem: str | None


class RmaDetail(RmaOut):
    """With its parcels and everything that happened."""

    shipments: list[ShipmentOut] = []
    history: list[Change] = []


async def rma_seen_by(caller: Principal, rma_id: UUID, tx: Transaction, *, lock: bool = False) -> Rma:
    """Raises NotFound."""
    return await visible(Rma, rma_id, visible_to(caller, Rma), tx, lock=lock)


async def rma_and_case(caller: Principal, rma_id: UUID, tx: Transaction) -> tuple[Rma, CaseFile]:
    """The locked RMA that a command changes, and what is known of its case. Raises NotFound."""
    rma = await rma_seen_by(caller, rma_id, tx, lock=True)
    return rma, await CaseFile.get(rma.case_id, tx)


@router.get("/v1/rmas", dependencies=[allow(*RMA_READERS)])
async def list_rmas(
    tx: Tx,
    caller: Caller,
    paging: Paging,
    case_id: UUID | None = None,
    diagnosis_id: UUID | None = None,
    account_id: UUID | None = None,
    state: Annotated[list[OutboundState] | None, Query()] = None,
    return_state: Annotated[list[ReturnState] | None, Query()] = None,
    depot_id: UUID | None = None,
    part_number: Word | None = None,
    serial: Serial | None = None,
) -> Page[RmaOut]:
    """The newest first. A depot's picking list is `state=reserved`, the ERP's export `return_state=invoiced`."""
    given = {
        "case_id": case_id,
        "diagnosis_id": diagnosis_id,
        "account_id": account_id,
        "depot_id": depot_id,
        "part_number": part_number,
        "serial": serial,
    }
    where = visible_to(caller, Rma) + [Rma.c[name] == value for name, value in given.items() if value is not None]
    where += [Rma.c.state.in_(state)] if state else []
    where += [Rma.c.return_state.in_(return_state)] if return_state else []
    if after := paging.after(datetime, UUID):
        where.append(sa.tuple_(Rma.c.created_at, Rma.c.id) < sa.tuple_(*map(sa.literal, after)))
    newest_first = (Rma.c.created_at.desc(), Rma.c.id.desc())
    found = await in_order(tx, Rma, where, newest_first, paging.limit + 1)
    return page([RmaOut.of(rma) for rma in found], paging.limit, lambda rma: (rma.created_at, rma.id))


@router.get("/v1/rmas/{rma_id}", dependencies=[allow(*RMA_READERS)])
async def get_rma(rma_id: UUID, tx: Tx, caller: Caller) -> RmaDetail:
    """One RMA with its parcels and its history."""
    rma = await rma_seen_by(caller, rma_id, tx)
    parcels = await tx.select(
        Shipment, Shipment.c.rma_id == rma.id, order_by=(Shipment.c.created_at, Shipment.c.reference)
    )
    detail = RmaDetail.model_validate(rma)
    return detail.model_copy(update={"shipments": [ShipmentOut.model_validate(each) for each in parcels]})

"""RMAs as far as the caller may see them."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from fastapi import Query
from pydantic import Field

from libs.events.values import Contact, Instant, Priority, Severity, Site
from libs.kit.auth import RMA_READERS, Principal
from libs.kit.fields import Serial, Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import COUNTS, DatedListing, Out, Summarised, listed, order
from libs.kit.paging import Page
from libs.kit.people import Unnamed, unnamed
from libs.kit.rows import visible
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.people import KnownContact, KnownSite
from services.rma.model.promise import Promise
from services.rma.model.rma import Rma
from services.rma.model.rma_values import (
    Change,
    ChargeState,
    Denial,
    InspectionResult,
    Installation,
    Invoice,
    OutboundState,
    PromiseMade,
    ReturnState,
    WaitingFor,
)
from services.rma.model.shipment import Direction, LabelState, Shipment
from services.rma.queries.access import COMMANDS, Command, RmaAndCase, visible_to

router = Router(tags=["rmas"])


class RmaSummary(Out):
    """One line of a board."""

    id: UUID
    number: str
    account_id: UUID
    case_id: UUID
    case_number: str | None
    component: str
    serial: str | None
    priority: Priority | None
    state: OutboundState
    waiting_for: WaitingFor | None
    part_number: str | None
    depot_id: UUID | None
    contract_due: date | None
    contract_missed: bool
    delivered_at: datetime | None
    return_state: ReturnState
    return_due: date | None
    charge: ChargeState
    created_at: datetime
    updated_at: datetime


class RmaOut(RmaSummary):
    """Both legs of one replacement. `possible` is what the caller can do now."""

    possible: list[Command]
    diagnosis_id: UUID
    replaces_rma_id: UUID | None
    replaced_by_rma_id: UUID | None
    whole_unit: bool
    product_number: str | None
    severity: Severity | None
    onsite: bool
    denial: Denial | None
    substitute_for: str | None
    ship_to: Site | None
    contact: Contact | None
    promise: Promise | None
    shipped_serial: str | None
    shipped_at: datetime | None
    carrier: str | None
    tracking: str | None
    received_by: str | None
    installation: Installation | None
    repeat_of: list[UUID]
    returns: str
    return_serial: str | None
    return_due_at: datetime | None
    received_serial: str | None
    received_at: datetime | None
    inspection: InspectionResult | None
    invoice: Invoice | None
    closed_at: datetime | None
    revision: int

    @classmethod
    def of(cls, its: RmaAndCase, caller: Principal, **more: Any) -> Self:
        """As a caller reads it."""
        return cls.model_validate({**vars(its.rma), "possible": COMMANDS.possible(caller.role, its), **more})


class ShipmentOut(Out):
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


class AddressOut(Out):
    """As it stands on the label: of the site, and of who is to be asked for there. Without a `contact_name` `contact_state` says why."""

    name: str | None
    address_lines: list[str] | None
    postal_code: str | None
    contact_name: str | None
    contact_phone: str | None
    contact_state: Unnamed | None = None


class RmaDetail(RmaOut):
    """With its parcels and everything that happened. `address`: null until it has come. `promises`: how the promise came to be
    what it is, the oldest first."""

    address: AddressOut | None = None
    shipments: list[ShipmentOut] = Field(default_factory=list)
    history: list[Change] = Field(default_factory=list)
    promises: list[PromiseMade] = Field(default_factory=list)


async def rma_for(caller: Principal, rma_id: UUID, tx: Transaction, command: Command | None = None) -> RmaAndCase:
    """An RMA, and what is known of its case. For a command it is locked, and has to take it.

    Raises NotFound, and for a command what `COMMANDS.permit` raises.
    """
    rma = await visible(Rma, rma_id, visible_to(caller), tx, lock=command is not None)
    its = RmaAndCase(rma, await CaseFile.get(rma.case_id, tx))
    if command:
        COMMANDS.permit(command, caller.role, its)
    return its


class RmaList(Summarised, DatedListing):
    """RMAs, the newest first."""

    found_by: ClassVar[Sequence[str]] = ("number", "serial")

    q: Word | None = Field(None, description="an RMA's number, or a unit's serial")
    case_id: UUID | None = None
    diagnosis_id: UUID | None = None
    account_id: UUID | None = None
    state: list[OutboundState] | None = None
    return_state: list[ReturnState] | None = None
    charge: list[ChargeState] | None = None
    depot_id: UUID | None = None
    part_number: Word | None = None
    serial: Serial | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    counts: list[Literal["state", "return_state", "charge"]] | None = Field(None, description=COUNTS)
    sort: str = order("-created_at", "updated_at")


@router.get("/v1/rmas", dependencies=[allow(*RMA_READERS)])
async def list_rmas_route(
    tx: Tx, caller: Caller, asked: Annotated[RmaList, Query()]
) -> Page[RmaOut] | Page[RmaSummary]:
    """The newest first. A depot's picking list is `state=reserved`; the ERP's export is `/v1/charges`."""

    async def out(rma: Rma) -> RmaOut:
        return RmaOut.of(RmaAndCase(rma, await CaseFile.get(rma.case_id, tx)), caller)

    async def cases(rmas: Sequence[Rma]) -> None:
        await tx.find_many(CaseFile, [rma.case_id for rma in rmas])

    return await listed(tx, Rma, asked, visible_to(caller), out=out, beside=cases, summary=RmaSummary)


@router.get("/v1/rmas/{rma_id}", dependencies=[allow(*RMA_READERS)])
async def get_rma_route(rma_id: UUID, tx: Tx, caller: Caller) -> RmaDetail:
    """One RMA with its parcels and its history."""
    its = await rma_for(caller, rma_id, tx)
    parcels = await tx.select(
        Shipment, Shipment.c.rma_id == its.rma.id, order_by=(Shipment.c.created_at, Shipment.c.reference)
    )
    address = await _address(its.rma, tx)
    return RmaDetail.of(its, caller, address=address, shipments=[ShipmentOut.model_validate(each) for each in parcels])


async def _address(rma: Rma, tx: Transaction) -> AddressOut | None:
    site = await KnownSite.find(rma.ship_to.site_id, tx) if rma.ship_to else None
    contact = await KnownContact.find(rma.contact.contact_id, tx) if rma.contact else None
    of_contact = {
        "contact_name": contact and contact.name,
        "contact_phone": contact and contact.phone,
        "contact_state": unnamed(contact) if rma.contact else None,
    }
    return AddressOut.model_validate({**vars(site), **of_contact}) if site else None

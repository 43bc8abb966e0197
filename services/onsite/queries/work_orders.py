"""Reads: work orders with their visit, the slots on offer, appointments for the dispatch board."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, Field

from libs.events.values import Language, OpeningHours, Window
from libs.kit.auth import VISIT_READERS, Principal
from libs.kit.fields import Word
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import COUNTS, DatedListing, Listing, Out, Summarised, listed, order
from libs.kit.paging import Page
from libs.kit.people import Unnamed, unnamed
from libs.kit.rows import visible
from libs.store import Entity, Transaction
from services.onsite.model.appointment import Appointment, AppointmentState
from services.onsite.model.availability import demand_of, offers
from services.onsite.model.case_file import CaseFile, Coverage, Part
from services.onsite.model.people import KnownContact, KnownPerson, KnownSite
from services.onsite.model.slots import Slot
from services.onsite.model.work_done import CheckIn, Installed, Side, SignOff, Step
from services.onsite.model.work_order import Change, ChosenBy, SoftwareApproval, WorkOrder, WorkOrderState
from services.onsite.queries.access import Command, possible_for, visible_to, visits_visible_to
from services.onsite.queries.locked_visit import visit_of

router = Router(tags=["work orders"])
_SITE = {"site_id", "city", "region", "country", "time_zone", "opening_hours"}
_CONTACT = {"contact_id", "language", "authorised"}


class SiteOut(Out):
    """Where the technician goes. What is null of name, address and notes is not known, or not any more."""

    site_id: UUID
    name: str | None
    address_lines: list[str] | None
    city: str
    region: str | None
    postal_code: str | None
    country: str
    time_zone: str
    opening_hours: list[OpeningHours]
    access_notes: str | None


class ContactOut(Out):
    """Whom the technician asks for. Without a name `state` says why: not known yet, or not any more."""

    contact_id: UUID
    name: str | None
    state: Unnamed | None = None
    phone: str | None
    language: Language
    authorised: bool


class AppointmentOut(Out):
    """`technician_name` is the person's of now, where one is named; without it the person is not known yet, or not any more."""

    id: UUID
    work_order_id: UUID
    case_id: UUID
    technician_id: UUID
    person_id: UUID | None
    technician_name: str | None
    state: AppointmentState
    window: Window
    departs_from: datetime | None
    expected_at: datetime | None
    ends: datetime
    time_zone: str
    chosen_by: ChosenBy
    departed_at: datetime | None
    arrived_at: datetime | None
    check_in: CheckIn | None
    steps: list[Step]
    installed: list[Installed]
    sign_offs: dict[Side, SignOff]
    history: list[Change]


class WorkOrderSummary(Out):
    """One line of a board."""

    id: UUID
    number: str
    account_id: UUID
    case_id: UUID
    state: WorkOrderState
    component: str
    part_number: str | None
    serial: str | None
    family: str | None
    waiting_for: str | None
    failed_visits: int
    opened_at: datetime
    updated_at: datetime


class WorkOrderOut(WorkOrderSummary):
    """`appointment` is the latest that the caller sees; `waiting_for` says why there is none yet. `site` with its access notes,
    and `contact`, are what the technician goes to. `possible` is what the caller can do now."""

    possible: list[Command] = Field(default_factory=list)
    diagnosis_id: UUID
    product_number: str | None
    software_approval: SoftwareApproval | None
    history: list[Change]
    site: SiteOut | None = None
    contact: ContactOut | None = None
    parts: dict[UUID, Part] = Field(default_factory=dict)
    appointment: AppointmentOut | None = None


class Slots(BaseModel):
    """What can be booked now; `not_before` is when the parts are there, None while nobody knows."""

    items: list[Slot]
    not_before: datetime | None
    waiting_for: str | None = None


async def work_order_out(order: WorkOrder, tx: Transaction, caller: Principal) -> WorkOrderOut:
    """With its parts, where it is, and its appointment, as this transaction leaves them."""
    await tx.flush()
    last = await _last_visits([order], tx, caller)
    return await _out(order, last.get(order.id), tx, caller)


async def _last_visits(orders: Sequence[WorkOrder], tx: Transaction, caller: Principal) -> dict[UUID, Appointment]:
    """The active one of each, else the latest, of those that the caller sees, as the database has them."""
    theirs = (Appointment.c.work_order_id.in_([order.id for order in orders]), *visits_visible_to(caller))
    found, active = await tx.select(Appointment, *theirs), {order.appointment_id for order in orders}
    return {each.work_order_id: each for each in sorted(found, key=lambda each: (each.id in active, each.made))}


async def _out(order: WorkOrder, last: Appointment | None, tx: Transaction, caller: Principal) -> WorkOrderOut:
    case = await CaseFile.get(order.case_id, tx)
    out = WorkOrderOut.model_validate(order)
    out.parts = case.parts_of(order.diagnosis_id)
    if case.coverage and (last or caller.role != "technician"):
        out.site, out.contact = await _place(case.coverage, tx)
    out.possible = possible_for(caller, await visit_of(order, case, tx, lock=False))
    out.appointment = await _appointment_out(last, tx) if last else None
    if out.appointment:
        out.appointment.sign_offs = {side: await _named(s, tx) for side, s in out.appointment.sign_offs.items()}
    return out


async def _appointment_out(appointment: Appointment, tx: Transaction) -> AppointmentOut:
    out = AppointmentOut.model_validate(appointment)
    out.technician_name = await _name_of(appointment, tx)
    return out


async def _name_of(visit: Appointment | Slot, tx: Transaction) -> str | None:
    """Of who comes, as it is now."""
    if visit.person_id is None:
        return visit.technician_name
    person = await KnownPerson.find(visit.person_id, tx)
    return person.called if person else None


async def _named(signed: SignOff, tx: Transaction) -> SignOff:
    """With the name of the contact as it is now."""
    known = await KnownContact.find(signed.contact_id, tx) if signed.contact_id and signed.name is None else None
    return signed.model_copy(update={"name": known.name}) if known else signed


async def _place(coverage: Coverage, tx: Transaction) -> tuple[SiteOut | None, ContactOut | None]:
    site, contact = coverage.site, coverage.contact
    known_site = await KnownSite.find(site.site_id, tx) if site else None
    known_contact = await KnownContact.find(contact.contact_id, tx) if contact else None
    return (
        SiteOut.model_validate(_known(SiteOut, known_site) | site.model_dump(include=_SITE)) if site else None,
        ContactOut.model_validate(
            _known(ContactOut, known_contact) | contact.model_dump(include=_CONTACT) | {"state": unnamed(known_contact)}
        )
        if contact
        else None,
    )


def _known(out: type[Out], row: Entity | None) -> dict[str, Any]:
    return {name: getattr(row, name, None) for name in out.model_fields}


class WorkOrderList(Summarised, DatedListing):
    found_by: ClassVar[Sequence[str]] = ("number",)

    q: Word | None = Field(None, description="a work order's number")
    case_id: UUID | None = None
    state: WorkOrderState | None = None
    account_id: UUID | None = None
    opened_from: AwareDatetime | None = None
    opened_before: AwareDatetime | None = None
    counts: list[Literal["state"]] | None = Field(None, description=COUNTS)
    sort: str = order("-opened_at", "updated_at")


@router.get("/v1/work-orders", dependencies=[allow(*VISIT_READERS)])
async def list_work_orders_route(
    tx: Tx, caller: Caller, asked: Annotated[WorkOrderList, Query()]
) -> Page[WorkOrderOut] | Page[WorkOrderSummary]:
    """The newest first."""
    last: dict[UUID, Appointment] = {}

    async def out(order: WorkOrder) -> WorkOrderOut:
        return await _out(order, last.get(order.id), tx, caller)

    async def visits(orders: Sequence[WorkOrder]) -> None:
        last.update(await _last_visits(orders, tx, caller))
        await tx.find_many(KnownPerson, [each.person_id for each in last.values() if each.person_id])
        cases = await tx.find_many(CaseFile, [order.case_id for order in orders])
        covers = [case.coverage for case in cases if case and case.coverage]
        await tx.find_many(KnownSite, [cover.site.site_id for cover in covers if cover.site])
        await tx.find_many(KnownContact, [cover.contact.contact_id for cover in covers if cover.contact])
        await tx.find_many(Appointment, [order.appointment_id for order in orders if order.appointment_id])

    return await listed(tx, WorkOrder, asked, visible_to(caller), out=out, beside=visits, summary=WorkOrderSummary)


@router.get("/v1/work-orders/{work_order_id}", dependencies=[allow(*VISIT_READERS)])
async def get_work_order_route(work_order_id: UUID, tx: Tx, caller: Caller) -> WorkOrderOut:
    order = await visible(WorkOrder, work_order_id, visible_to(caller), tx)
    return await work_order_out(order, tx, caller)


@router.get(
    "/v1/work-orders/{work_order_id}/slots",
    dependencies=[allow("customer", "engineer", "manager", "technician")],
)
async def list_slots_route(
    work_order_id: UUID,
    tx: Tx,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    not_before: AwareDatetime | None = None,
) -> Slots:
    """Feasible times, the earliest first; of several technicians at one time the one with the shortest way."""
    order = await visible(WorkOrder, work_order_id, visible_to(caller), tx)
    case = await CaseFile.get(order.case_id, tx)
    case.must_take_commands(order.state)
    ready = case.readiness(order.diagnosis_id, frozenset(order.unusable))
    if ready.by is None or order.state not in ("open", "planned"):
        return Slots(items=[], not_before=None, waiting_for=order.waiting_for)
    earliest = case.visitable_from(order.diagnosis_id, ready.by)
    demand = await demand_of(case, order, tx, not_before=max(earliest, not_before or earliest))
    by_start: dict[datetime, Slot] = {}
    for slot in await offers(order, demand, tx):
        if len(by_start) == limit and slot.window.starts not in by_start:
            break
        by_start.setdefault(slot.window.starts, slot)
    items = [slot.model_copy(update={"technician_name": await _name_of(slot, tx)}) for slot in by_start.values()]
    return Slots(items=items, not_before=earliest)


class AppointmentList(Listing):
    starts_from: AwareDatetime | None = None
    starts_before: AwareDatetime | None = None
    technician_id: UUID | None = None
    work_order_id: UUID | None = None
    state: AppointmentState | None = None
    sort: str = order("starts")


@router.get("/v1/appointments", dependencies=[allow(*VISIT_READERS)])
async def list_appointments_route(
    tx: Tx, caller: Caller, asked: Annotated[AppointmentList, Query()]
) -> Page[AppointmentOut]:
    """The dispatch board: by the beginning of the arrival window."""

    async def people(visits: Sequence[Appointment]) -> None:
        await tx.find_many(KnownPerson, [each.person_id for each in visits if each.person_id])

    return await listed(
        tx, Appointment, asked, visits_visible_to(caller), out=lambda visit: _appointment_out(visit, tx), beside=people
    )

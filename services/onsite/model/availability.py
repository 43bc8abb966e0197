"""Who can come when: the slots of a work order as the diaries stand."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import dropwhile, takewhile
from uuid import UUID

import sqlalchemy as sa

from libs.events.values import Site
from libs.kit.text import name_key
from libs.store import Transaction
from services.onsite.model.case_file import CaseFile
from services.onsite.model.closures import business_days_at
from services.onsite.model.hours import site_calendar
from services.onsite.model.places import Location, Place
from services.onsite.model.policy import OnsitePolicy, policies
from services.onsite.model.slots import Demand, Slot, slots
from services.onsite.model.technician import Booking, Technician
from services.onsite.model.work_order import WorkOrder


async def policy_for(case: CaseFile, tx: Transaction) -> OnsitePolicy:
    """The policy for the case's plan and the country of its site."""
    coverage = case.coverage
    return await policies.at(
        tx,
        plan=coverage.plan if coverage else None,
        region=coverage.site.country if coverage and coverage.site else None,
    )


async def location_of(site: Site, tx: Transaction) -> Location | None:
    """The middle of the site's city, where our map has it."""
    key = (Place.c.country == site.country, Place.c.name_key == name_key(site.city))
    place = await tx.first(Place, *key)
    return place.location if place else None


async def is_open_at(case: CaseFile, at: datetime, tx: Transaction, *, until: datetime | None = None) -> bool:
    """Whether the site is open at that instant, and without a break until another."""
    assert case.coverage is not None
    assert case.coverage.site is not None
    site = case.coverage.site
    hours = site_calendar(site, await policy_for(case, tx), await business_days_at(site, tx))
    return hours.is_open(at) and (until is None or until <= hours.next_window(at).end)


async def demand_of(
    case: CaseFile, order: WorkOrder, tx: Transaction, *, not_before: datetime, notice: bool = True
) -> Demand:
    """What the work order asks for. Without `notice` also the slot that is booked already fits."""
    assert case.coverage is not None
    assert case.coverage.site is not None
    policy, site = await policy_for(case, tx), case.coverage.site
    return Demand(
        site=site,
        calendar=site_calendar(site, policy, await business_days_at(site, tx)),
        location=await location_of(site, tx),
        family=order.family,
        skills=tuple(order.skills),
        not_before=not_before,
        leave_after=tx.now + timedelta(minutes=policy.notice_minutes) if notice else not_before - timedelta(days=1),
        policy=policy,
    )


async def diaries(
    tx: Transaction, *, since: datetime, without: Sequence[UUID] = (), as_planned: bool = False
) -> list[Booking]:
    """Every booking that ends after `since`, as the database has it now, but for these work orders' own. `as_planned`: as if no visit
    lasted longer than planned."""
    query = sa.select(Booking.table).where(Booking.c.ends > since, Booking.c.work_order_id.not_in(without))
    # not through the identity map: what was read before a technician was locked may be old
    bookings = [Booking.from_record(record.items()) for record in await tx.fetch(query)]
    for booking in bookings if as_planned else []:
        booking.busy_until = None
    return bookings


async def offers(
    order: WorkOrder, demand: Demand, tx: Transaction, *, technician_id: UUID | None = None, as_planned: bool = False
) -> Iterator[Slot]:
    """The feasible slots, the earliest first; of one technician alone when named."""
    await tx.flush()
    only = () if technician_id is None else (Technician.c.id == technician_id,)
    technicians = await tx.select(Technician, Technician.c.active.is_(True), *only)
    since = demand.not_before - timedelta(days=1)
    diary = await diaries(tx, since=since, without=[order.id], as_planned=as_planned)
    return slots(demand, technicians, diary)


async def take(
    order: WorkOrder,
    demand: Demand,
    tx: Transaction,
    *,
    starts: datetime | None = None,
    technician_id: UUID | None = None,
) -> Slot | None:
    """The first slot (that starts then, with that technician), its technician locked; None when there is none.

    Looked for without locks, then again with the technician found locked: whoever books for the same technician
    at the same time waits here and then sees this booking.
    """
    locked: set[UUID] = set()
    while True:
        found = await offers(order, demand, tx, technician_id=technician_id)
        if starts is not None:
            found = takewhile(lambda s: s.window.starts <= starts, dropwhile(lambda s: s.window.starts < starts, found))
        slot = next(found, None)
        if slot is None or slot.technician_id in locked:
            return slot
        await Technician.get(slot.technician_id, tx, lock=True)
        locked.add(slot.technician_id)

"""A day's visits, re-optimised: what was asked, what came of it, who moved."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel

from libs.events.values import Instant
from libs.store import Entity


class PlannedVisit(BaseModel):
    """One visit before and after."""

    work_order_id: UUID
    # its time was chosen by somebody, so it stays
    pinned: bool
    old_technician_id: UUID
    old_starts: Instant
    technician_id: UUID
    starts: Instant


class DayPlan(Entity, table="day_plans", indexes=(("created_at", "id"), ("day", "created_at", "id"))):
    """The record of one optimisation. `applied` False: it was only asked what would be."""

    day: date
    technician_ids: list[UUID]
    applied: bool
    # the solver showed that nothing better exists
    proven: bool
    # summed over the visits, since the day's first possible arrival of each
    waiting_minutes_before: int
    waiting_minutes: int
    travel_minutes_before: int
    travel_minutes: int
    visits: list[PlannedVisit]
    by: str
    created_at: datetime

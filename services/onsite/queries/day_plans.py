"""Reads: the day plans that were made."""

from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict

from libs.kit.auth import MANAGERS
from libs.kit.http import Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from services.onsite.model.day_plan import DayPlan, PlannedVisit

router = Router(tags=["day plans"])


class DayPlanOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    day: date
    technician_ids: list[UUID]
    applied: bool
    proven: bool
    waiting_minutes_before: int
    waiting_minutes: int
    travel_minutes_before: int
    travel_minutes: int
    visits: list[PlannedVisit]
    by: str
    created_at: datetime


@router.get("/v1/day-plans", dependencies=[allow(*MANAGERS, "ops")])
async def list_day_plans(tx: Tx, paging: Paging, day: date | None = None) -> Page[DayPlanOut]:
    """The newest first."""
    where = [] if day is None else [DayPlan.c.day == day]
    if after := paging.after(datetime, UUID):
        where.append(sa.tuple_(DayPlan.c.created_at, DayPlan.c.id) < after)
    found = await tx.select(
        DayPlan, *where, order_by=(DayPlan.c.created_at.desc(), DayPlan.c.id.desc()), limit=paging.limit + 1
    )
    shown = page(found, paging.limit, lambda plan: (plan.created_at, plan.id))
    return Page(items=[DayPlanOut.model_validate(plan) for plan in shown.items], next_cursor=shown.next_cursor)


@router.get("/v1/day-plans/{plan_id}", dependencies=[allow(*MANAGERS, "ops")])
async def get_day_plan(plan_id: UUID, tx: Tx) -> DayPlanOut:
    return DayPlanOut.model_validate(await DayPlan.get(plan_id, tx))

"""Reads: the day plans that were made."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from libs.kit.auth import MANAGERS
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from services.onsite.model.day_plan import DayPlan, PlannedVisit

router = Router(tags=["day plans"])


class DayPlanOut(Out):
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


class DayPlanList(Listing):
    day: date | None = None
    sort: str = order("-created_at")


@router.get("/v1/day-plans", dependencies=[allow(*MANAGERS, "ops")])
async def list_day_plans_route(tx: Tx, asked: Annotated[DayPlanList, Query()]) -> Page[DayPlanOut]:
    """The newest first."""
    return await listed(tx, DayPlan, asked, out=DayPlanOut.model_validate)


@router.get("/v1/day-plans/{plan_id}", dependencies=[allow(*MANAGERS, "ops")])
async def get_day_plan_route(plan_id: UUID, tx: Tx) -> DayPlanOut:
    return DayPlanOut.model_validate(await DayPlan.get(plan_id, tx))

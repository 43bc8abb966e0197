"""Clocks counting down."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict

from libs.events.escalation import ClockKind
from libs.events.values import Priority, Wait
from libs.kit.auth import STAFF
from libs.kit.http import Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from libs.kit.rows import in_order
from services.escalation.model.clock import ClockState
from services.escalation.model.clock_row import NEVER, Clock, due_or_never

router = Router(tags=["clocks"])


class ClockOut(BaseModel):
    """`due_at` is absent while the clock stands still; `thresholds` says when each percentage is reached."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    case_id: UUID
    account_id: UUID | None
    kind: ClockKind
    epoch: int
    round: int
    priority: Priority
    target_seconds: int
    policy_version: int
    state: ClockState
    started_at: datetime
    due_at: datetime | None
    thresholds: dict[int, datetime | None]
    paused_at: datetime | None
    waiting_for: Wait | None
    paused_seconds: int
    remaining_seconds: int | None
    elapsed_seconds: int | None
    ended_at: datetime | None
    in_time: bool | None
    reason: str | None


@router.get("/v1/clocks", dependencies=[allow(*STAFF)])
async def list_clocks(
    tx: Tx,
    params: Paging,
    case_id: UUID | None = None,
    account_id: UUID | None = None,
    kind: ClockKind | None = None,
    state: Annotated[list[ClockState] | None, Query()] = None,
    due_before: AwareDatetime | None = None,
) -> Page[ClockOut]:
    """The one due first comes first; those that stand still come last."""
    c = Clock.c
    where = [
        column == value for column, value in ((c.case_id, case_id), (c.account_id, account_id), (c.kind, kind)) if value
    ]
    if state:
        where.append(c.state.in_(state))
    if due_before:
        where += [due_or_never < due_before, c.due_at.is_not(None)]
    if after := params.after(datetime, UUID):
        where.append(
            sa.tuple_(due_or_never, c.id)
            > sa.tuple_(sa.literal(after[0], c.due_at.type), sa.literal(after[1], c.id.type))
        )
    rows = await in_order(tx, Clock, where, (due_or_never, c.id), params.limit + 1)
    return page([ClockOut.model_validate(row) for row in rows], params.limit, lambda row: (row.due_at or NEVER, row.id))


@router.get("/v1/clocks/{clock_id}", dependencies=[allow(*STAFF)])
async def read_clock(clock_id: UUID, tx: Tx) -> ClockOut:
    return ClockOut.model_validate(await Clock.get(clock_id, tx))

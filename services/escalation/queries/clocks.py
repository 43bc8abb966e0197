"""Clocks counting down."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime

from libs.events.escalation import ClockKind
from libs.events.values import Priority, Wait
from libs.kit.auth import STAFF
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from services.escalation.model.clock import ClockState
from services.escalation.model.clock_row import Clock, due_or_never

router = Router(tags=["clocks"])


class ClockOut(Out):
    """`due_at` is absent while the clock stands still; `thresholds` says when each percentage is reached. `in_time` is false once it was
    missed (`missed_at`: when it was due then), whatever severity and numbers are now; true once it was met in time."""

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
    missed_at: datetime | None
    reason: str | None


class ClockList(Listing):
    keys: ClassVar[Mapping[str, Any]] = {"due_at": due_or_never}

    case_id: UUID | None = None
    account_id: UUID | None = None
    kind: ClockKind | None = None
    state: list[ClockState] | None = None
    due_before: AwareDatetime | None = None
    sort: str = order("due_at")


@router.get("/v1/clocks", dependencies=[allow(*STAFF)])
async def list_clocks_route(tx: Tx, asked: Annotated[ClockList, Query()]) -> Page[ClockOut]:
    """The one due first comes first; those that stand still come last."""
    return await listed(tx, Clock, asked, out=ClockOut.model_validate)


@router.get("/v1/clocks/{clock_id}", dependencies=[allow(*STAFF)])
async def get_clock_route(clock_id: UUID, tx: Tx) -> ClockOut:
    return ClockOut.model_validate(await Clock.get(clock_id, tx))

"""Queues: who is on duty now, and how much stands in each."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field

from libs.events.values import Language
from libs.kit.auth import STAFF
from libs.kit.calendar import CalendarData
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.lifecycle import OPEN
from services.cases.model.queue import Queue

router = Router(tags=["queues"])


class QueueOut(Out):
    id: UUID
    code: str
    name: str
    families: list[str]
    languages: list[Language]
    shift: str
    duty: CalendarData
    active: bool
    on_duty: bool
    open_cases: int
    unassigned: int
    created_at: datetime


async def queue_out(queue: Queue, tx: Transaction) -> QueueOut:
    waiting = sa.select(sa.func.count(), sa.func.count().filter(Case.c.assignee.is_(None))).where(
        Case.c.queue == queue.code, Case.c.state.in_(OPEN)
    )
    [(open_cases, unassigned)] = await tx.fetch(waiting)
    counted = {"on_duty": queue.on_duty(tx.now), "open_cases": open_cases, "unassigned": unassigned}
    return QueueOut.model_validate({**queue.__dict__, **counted})


class QueueList(Listing):
    q: Words = None
    on_duty: bool | None = Field(None, description="narrows within the page")
    active: bool | None = None
    sort: str = order("-created_at", "name")


@router.get("/v1/queues", dependencies=[allow(*STAFF)])
async def list_queues_route(tx: Tx, asked: Annotated[QueueList, Query()]) -> Page[QueueOut]:
    """The newest first."""
    page = await listed(tx, Queue, asked, out=lambda queue: queue_out(queue, tx))
    if asked.on_duty is not None:
        page.items = [queue for queue in page.items if queue.on_duty == asked.on_duty]
    return page


@router.get("/v1/queues/{queue_id}", dependencies=[allow(*STAFF)])
async def get_queue_route(queue_id: UUID, tx: Tx) -> QueueOut:
    return await queue_out(await Queue.get(queue_id, tx), tx)

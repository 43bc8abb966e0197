"""Queues: who is on duty now, and how much stands in each."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from libs.events.values import Language
from libs.kit.auth import STAFF
from libs.kit.calendar import CalendarData
from libs.kit.http import Router, Tx, allow
from libs.kit.paging import Page, Paging
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.lifecycle import OPEN
from services.cases.model.queue import Queue
from services.cases.queries.access import newest
from services.cases.queries.answers import Out

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


@router.get("/v1/queues", dependencies=[allow(*STAFF)])
async def list_queues(
    tx: Tx, paging: Paging, on_duty: bool | None = None, active: bool | None = None
) -> Page[QueueOut]:
    """The newest first; `on_duty` filters within the page."""
    where = [] if active is None else [Queue.c.active == active]
    rows = await newest(tx, Queue, Queue.c.created_at, where, paging, lambda queue: queue)
    items = [await queue_out(queue, tx) for queue in rows.items if on_duty in (None, queue.on_duty(tx.now))]
    return Page(items=items, next_cursor=rows.next_cursor)


@router.get("/v1/queues/{queue_id}", dependencies=[allow(*STAFF)])
async def get_queue(queue_id: UUID, tx: Tx) -> QueueOut:
    return await queue_out(await Queue.get(queue_id, tx), tx)

"""Queues and their shifts are data."""

from typing import Annotated
from uuid import UUID

from fastapi import Response
from pydantic import Field

from libs.events.values import Language
from libs.kit.auth import MANAGERS
from libs.kit.calendar import CalendarData
from libs.kit.fields import Line
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.twins import refuse_twin
from libs.store import Transaction
from libs.store.ids import new_id
from services.cases.model.queue import REROUTE, Queue
from services.cases.queries.queues import QueueOut, queue_out

router = Router(tags=["queues"])
Families = Annotated[list[Line], Field(max_length=50)]


class AddQueue(Command):
    code: Line
    name: Line
    families: Families = Field(default_factory=list)
    languages: list[Language] = Field(default_factory=list)
    shift: Line
    duty: CalendarData


class ReviseQueue(Command):
    name: Line | None = None
    families: Families | None = None
    languages: list[Language] | None = None
    shift: Line | None = None
    duty: CalendarData | None = None
    active: bool | None = None


async def add_queue(cmd: AddQueue, tx: Transaction) -> Queue:
    await refuse_twin(Queue, tx, code=cmd.code)
    given = {name: getattr(cmd, name) for name in AddQueue.model_fields}
    queue = Queue(id=new_id(), created_at=tx.now, **given)
    queue.check(tx.now)
    tx.add(queue)
    tx.set_timer(queue, REROUTE, tx.now)
    return queue


@router.post("/v1/queues", dependencies=[allow(*MANAGERS)], status_code=201)
async def add_queue_route(cmd: AddQueue, tx: Tx, response: Response) -> QueueOut:
    queue = await add_queue(cmd, tx)
    response.headers["location"] = f"/v1/queues/{queue.id}"
    return await queue_out(queue, tx)


@router.patch("/v1/queues/{queue_id}", dependencies=[allow(*MANAGERS)])
async def revise_queue_route(queue_id: UUID, cmd: ReviseQueue, tx: Tx) -> QueueOut:
    queue = await Queue.get(queue_id, tx, lock=True)
    for name in cmd.model_fields_set:
        if (value := getattr(cmd, name)) is not None:
            setattr(queue, name, value)
    queue.check(tx.now)
    tx.set_timer(queue, REROUTE, tx.now)
    return await queue_out(queue, tx)

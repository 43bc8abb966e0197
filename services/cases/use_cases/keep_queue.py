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
from libs.kit.patch import New, Patch
from libs.kit.twins import refuse_twin
from libs.store import Transaction
from services.cases.model.queue import DUTY, REROUTE, Queue
from services.cases.queries.queues import QueueOut, queue_out

router = Router(tags=["queues"])


class QueueFields(Command):
    name: Line
    families: Annotated[list[Line], Field(max_length=50)] = Field(default_factory=list)
    languages: list[Language] = Field(default_factory=list)
    shift: Line
    duty: CalendarData


class CreateQueue(New, QueueFields):
    code: Line


class ChangeQueue(Patch, QueueFields):
    active: bool


async def create_queue(cmd: CreateQueue, tx: Transaction) -> Queue:
    await refuse_twin(Queue, tx, code=cmd.code)
    queue = cmd.make(Queue, tx)
    queue.check(tx.now)
    tx.set_timer(queue, REROUTE, tx.now)
    tx.set_timer(queue, DUTY, tx.now)
    return queue


@router.post("/v1/queues", dependencies=[allow(*MANAGERS)], status_code=201)
async def create_queue_route(cmd: CreateQueue, tx: Tx, response: Response) -> QueueOut:
    queue = await create_queue(cmd, tx)
    response.headers["location"] = f"/v1/queues/{queue.id}"
    return await queue_out(queue, tx)


@router.patch("/v1/queues/{queue_id}", dependencies=[allow(*MANAGERS)])
async def change_queue_route(queue_id: UUID, cmd: ChangeQueue, tx: Tx) -> QueueOut:
    queue = await Queue.get(queue_id, tx, lock=True)
    cmd.apply_to(queue)
    queue.check(tx.now)
    tx.set_timer(queue, REROUTE, tx.now)
    tx.set_timer(queue, DUTY, tx.now)
    return await queue_out(queue, tx)

"""Handing a case over from one shift to the next, with a note (S1)."""

from uuid import UUID

from libs.kit.fields import Line, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import BY_HAND, Case
from services.cases.model.queue import Choice, Queue
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.publish_note import note_of
from services.cases.reactions.route_case import put_in_queue, route
from services.cases.reactions.who_acts import who_acts

router = Router(tags=["cases"])


class NoSuchQueue(Unprocessable):
    """Queues are data; this one is not among them, or not active."""


class HandOverCase(Command):
    """The note tells the next shift where the case stands."""

    note: Text
    queue: Line | None = None
    """None: the queue of the shift on duty now."""


async def hand_over(case: Case, cmd: HandOverCase, actor: Actor, tx: Transaction) -> None:
    """The case leaves its engineer; the note says to the next shift where it stands. Raises NoSuchQueue."""
    note_of(case, tx, cmd.note, actor)
    previous, case.assignee = case.assignee, None
    if cmd.queue is None:
        await route(case, tx, actor.by, why=BY_HAND, previous_assignee=previous)
        return
    queue = await tx.first(Queue, Queue.c.code == cmd.queue, Queue.c.active)
    if queue is None:
        raise NoSuchQueue(f"There is no active queue {cmd.queue}.")
    choice = Choice(queue.code, queue.shift, queue.shift_ends(tx.now), BY_HAND)
    put_in_queue(case, tx, choice, actor.by, BY_HAND, previous)


@router.post("/v1/cases/{case_id}/hand-over", dependencies=[allow(*COMMANDS.roles("hand_over"))])
async def hand_over_case_route(case_id: UUID, cmd: HandOverCase, tx: Tx, caller: Caller) -> CaseOut:
    """Hand the case over to a queue, with a note for whoever takes it next."""
    actor = await who_acts(caller, tx)
    case = await case_for(caller, case_id, tx, command="hand_over")
    await hand_over(case, cmd, actor, tx)
    return await case_out(case, caller, tx)

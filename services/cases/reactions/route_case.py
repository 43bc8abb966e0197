"""Routing: a case stands in the queue of the shift on duty, and moves with the sun while nobody has taken it (S1)."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from libs.events.cases import CaseRouted
from libs.store import Compiled, Reference, Transaction
from services.cases.model.actor import SYSTEM
from services.cases.model.case import SHIFT, Case
from services.cases.model.lifecycle import WORKABLE
from services.cases.model.policy import policies
from services.cases.model.queue import REROUTE, Choice, Queue, choose
from services.cases.model.wording import say
from services.cases.reactions.publish_note import note_of

_AT_ONCE = 100
"""Cases that one transaction routes."""
_AGAIN = timedelta(seconds=1)

_ACTIVE = Compiled(sa.select(Queue.table).where(Queue.c.active).order_by(Queue.c.id))
active_queues = Reference(lambda tx: tx.read_only(Queue, _ACTIVE))


async def route(
    case: Case,
    tx: Transaction,
    by: str,
    *,
    default: str | None = None,
    why: str | None = None,
    previous_assignee: UUID | None = None,
) -> None:
    """To the best queue on duty now; nothing is told when that is where the case stands. `previous_assignee` had it until now."""
    queues = await active_queues(tx)
    default = default or (await policies.at(tx, severity=case.severity)).default_queue
    choice = choose(queues, default, family=case.family, language=case.language, at=tx.now)
    put_in_queue(case, tx, choice, by, f"{why}: {choice.reason}" if why else choice.reason, previous_assignee)


def put_in_queue(
    case: Case, tx: Transaction, choice: Choice, by: str, reason: str, previous_assignee: UUID | None = None
) -> None:
    """Until the choice has to be made again."""
    if choice.until:
        tx.set_timer(case, SHIFT, choice.until)
    else:
        tx.cancel_timer(case, SHIFT)
    previous = case.queue
    if case.put_in_queue(choice, reason, by, tx.now) or previous_assignee:
        tx.emit(
            CaseRouted(
                case_id=case.id,
                queue=choice.queue,
                previous_queue=previous,
                previous_assignee_id=previous_assignee,
                shift=choice.shift,
                reason=reason,
                by=by,
                routed_at=tx.now,
            )
        )


async def follow_the_sun(case: Case, tx: Transaction, _detail: str) -> None:
    """The shift changed: what nobody has taken goes to those on duty now; what somebody has, is handed over by them.

    What waits goes along without a word: there is nothing to do for it, and a silent customer would fill it with notes.
    """
    if not case.untaken:
        return
    previous = case.queue
    await route(case, tx, SYSTEM.by, why="the shift changed")
    if previous and case.queue and case.queue != previous and case.state != "pending":
        text = say("shift_changed", case.language, previous=previous, queue=case.queue)
        note_of(case, tx, text, SYSTEM)


async def reroute(queue: Queue, tx: Transaction, after: str) -> None:
    """A queue is new or another: what nobody has taken is routed again, some at a time, in order of id from `after` on."""
    untaken = Case.c.state.in_(WORKABLE) & Case.c.assignee.is_(None)
    first = UUID(after) if after else UUID(int=0)
    wanted = sa.select(Case.c.id).where(untaken, Case.c.id > first).order_by(Case.c.id).limit(_AT_ONCE)
    ids = [row["id"] for row in await tx.fetch(wanted)]
    locked = await tx.lock_available(Case, ids)
    for case in locked:
        if case.untaken and not case.stays_in_queue(queue):
            await route(case, tx, SYSTEM.by, why="the queues changed")
    if len(locked) < len(ids):
        # Somebody else holds one: these once more, which moves nothing twice.
        tx.set_timer(queue, f"{REROUTE}:{after}" if after else REROUTE, tx.now + _AGAIN)
    if len(ids) == _AT_ONCE:
        tx.set_timer(queue, f"{REROUTE}:{ids[-1]}", tx.now)

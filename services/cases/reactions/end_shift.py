"""A shift ends: its open P1s are told before, and what somebody still has by then waits where people are awake (S1)."""

from datetime import datetime, timedelta

import sqlalchemy as sa

from libs.bus.replicas import hold
from libs.events.cases import OpenCase, ShiftEndsWithOpenCases
from libs.store import Transaction
from services.cases.model.actor import SYSTEM
from services.cases.model.case import Case
from services.cases.model.lifecycle import WORKABLE
from services.cases.model.people import KnownPerson
from services.cases.model.policy import policies
from services.cases.model.queue import DUTY, Queue
from services.cases.model.wording import say
from services.cases.reactions.follow_case import follow_what_was_theirs
from services.cases.reactions.publish_note import note_of
from services.cases.reactions.route_case import active_queues, route

_AT_ONCE = 100
"""Cases that one transaction hands over."""
_AGAIN = timedelta(seconds=1)
_BECAUSE = "the shift ended"


async def watch_duty(queue: Queue, tx: Transaction, _detail: str) -> None:
    """The timer of a queue's duty: tells what is open before it ends, hands it over once it has ended, and comes again for the next."""
    # The timers of cases that fire in this transaction move what is untaken: this has to see where it stands now.
    await tx.flush()
    looks = []
    if not queue.on_duty(tx.now):
        looks.append(await _hand_over(queue, tx))
    if queue.active and (end := queue.off_duty_at(tx.now)):
        policy = await policies.at(tx, severity="critical")
        warned = end - timedelta(minutes=policy.shift_warning_minutes)
        if warned > tx.now:
            looks.append(warned)
        elif queue.on_duty(tx.now) and not queue.on_duty(end):
            await _tell(queue, end, tx)
        looks.append(end)
    if when := min((each for each in looks if each), default=None):
        tx.set_timer(queue, DUTY, when)
    else:
        tx.cancel_timer(queue, DUTY)


async def _tell(queue: Queue, end: datetime, tx: Transaction) -> None:
    """Once for each end of a shift; not when nothing is open."""
    found = [
        OpenCase(case_id=row["id"], assignee_id=row["assignee"])
        for row in await tx.fetch(sa.select(Case.c.id, Case.c.assignee).where(*_open_p1s(queue)).order_by(Case.c.id))
    ]
    if not found or queue.told_end == end:
        return
    queue.told_end = end
    tx.emit(
        ShiftEndsWithOpenCases(
            queue_id=queue.id, queue=queue.code, shift=queue.shift, cases=found, ends_at=end, told_at=tx.now
        )
    )


async def _hand_over(queue: Queue, tx: Transaction) -> datetime | None:
    """What is left when this has to be looked at again: nobody is on duty anywhere, somebody holds a case, or there are too many."""
    queues = [each for each in await active_queues(tx) if each.id != queue.id]
    if not any(each.on_duty(tx.now) for each in queues):
        # Who has a case keeps it as long as nobody else would look at it.
        return min((begins for each in queues if (begins := each.next_begins(tx.now))), default=None)
    wanted = sa.select(Case.c.id).where(*_open_p1s(queue), Case.c.assignee.is_not(None)).order_by(Case.c.id)
    ids = [row["id"] for row in await tx.fetch(wanted.limit(_AT_ONCE))]
    # Who leaves from now on waits, and is found among the followers.
    await hold([KnownPerson], tx)
    locked = await tx.lock_available(Case, ids)
    for case in locked:
        if case.queue == queue.code and case.assignee and case.state in WORKABLE:
            previous, case.assignee = case.assignee, None
            await route(case, tx, SYSTEM.by, why=_BECAUSE, previous_assignee=previous)
            text = say("shift_ended", case.language, previous=queue.code, queue=case.queue)
            note_of(case, tx, text, SYSTEM)
            await follow_what_was_theirs(case, previous, tx)
    return tx.now + _AGAIN if len(locked) < len(ids) or len(ids) == _AT_ONCE else None


def _open_p1s(queue: Queue) -> list[sa.ColumnElement[bool]]:
    return [Case.c.queue == queue.code, Case.c.state.in_(WORKABLE), Case.c.priority == "P1"]

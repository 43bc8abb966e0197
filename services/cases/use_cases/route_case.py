"""Routing: the queue of the shift on duty, and handing over from one shift to the next with a note (S1)."""

from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from libs.events.cases import CaseRouted
from libs.kit.auth import ENGINEERS
from libs.kit.fields import Line, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Compiled, Reference, Transaction
from libs.store.ids import new_id
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.case import Case
from services.cases.model.lifecycle import WORKABLE
from services.cases.model.note import Note
from services.cases.model.parts import Handover
from services.cases.model.policy import policies
from services.cases.model.queue import Choice, Queue, choose
from services.cases.model.wording import say
from services.cases.queries.access import case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.use_cases.add_note import publish
from services.cases.use_cases.settle_case import SHIFT

router = Router(tags=["cases"])
REROUTE = "reroute"
_AT_ONCE = 100  # cases in one transaction
_AGAIN = timedelta(seconds=1)
_BY_HAND = "handed over"


class NoSuchQueue(Unprocessable):
    """Queues are data; this one is not among them, or not active."""


class HandOver(Command):
    note: Text
    queue: Line | None = None
    """None: the queue of the shift on duty now."""


_ACTIVE = Compiled(sa.select(Queue.table).where(Queue.c.active).order_by(Queue.c.id))
_active = Reference(lambda tx: tx.read_only(Queue, _ACTIVE))


async def route(case: Case, tx: Transaction, by: str, *, default: str | None = None, why: str | None = None) -> None:
    """To the best queue on duty now; nothing is told when that is where the case stands."""
    queues = await _active(tx)
    default = default or (await policies.at(tx, severity=case.severity)).default_queue
    choice = choose(queues, default, family=case.family, language=case.language, at=tx.now)
    place(case, tx, choice, by, f"{why}: {choice.reason}" if why else choice.reason)


def place(case: Case, tx: Transaction, choice: Choice, by: str, reason: str) -> None:
    if choice.until:
        tx.set_timer(case, SHIFT, choice.until)
    else:
        tx.cancel_timer(case, SHIFT)
    if choice.queue == case.queue:
        return
    previous, case.queue, case.shift = case.queue, choice.queue, choice.shift
    case.queue_history.append(Handover(queue=choice.queue, shift=choice.shift, reason=reason, by=by, at=tx.now))
    tx.emit(
        CaseRouted(
            case_id=case.id, queue=choice.queue, previous_queue=previous, shift=choice.shift, reason=reason, by=by,
            routed_at=tx.now,
        )
    )  # fmt: skip


async def follow_the_sun(case: Case, tx: Transaction, _detail: str) -> None:
    """The shift changed: what nobody has taken goes to those on duty now; what somebody has, is handed over by them."""
    if not case.untaken:
        return
    previous = case.queue
    await route(case, tx, SYSTEM.by, why="the shift changed")
    if previous and case.queue and case.queue != previous:
        text = say("shift_changed", case.language, previous=previous, queue=case.queue)
        publish(internal_note(case, tx.now, SYSTEM, text), tx)


async def reroute(queue: Queue, tx: Transaction, after: str) -> None:
    """A queue is new or another: what nobody has taken is routed again, some at a time, in order of id from `after` on."""
    untaken = Case.c.state.in_(WORKABLE) & Case.c.assignee.is_(None)
    wanted = (
        sa.select(Case.c.id)
        .where(untaken, Case.c.id > (UUID(after) if after else UUID(int=0)))
        .order_by(Case.c.id)
        .limit(_AT_ONCE)
    )
    ids = [row["id"] for row in await tx.fetch(wanted)]
    locked = await tx.lock_available(Case, ids)
    for case in locked:
        if case.untaken and not _stays_by_hand(case, queue):
            await route(case, tx, SYSTEM.by, why="the queues changed")
    if len(locked) < len(ids):  # somebody else holds one: these once more, which moves nothing twice
        tx.set_timer(queue, f"{REROUTE}:{after}" if after else REROUTE, tx.now + _AGAIN)
    if len(ids) == _AT_ONCE:
        tx.set_timer(queue, f"{REROUTE}:{ids[-1]}", tx.now)


def _stays_by_hand(case: Case, changed: Queue) -> bool:
    """A queue that an engineer chose keeps the case until its shift ends, unless it is no more."""
    by_hand = bool(case.queue_history) and case.queue_history[-1].reason == _BY_HAND
    return by_hand and (changed.active or case.queue != changed.code)


def internal_note(case: Case, at: datetime, actor: Actor, text: str) -> Note:
    return Note(
        id=new_id(), account_id=case.account_id, case_id=case.id, origin=actor.origin if actor is not SYSTEM else "system",
        visibility="internal", text=text, author_name=actor.name, by=actor.by, by_role=actor.role, attachment_ids=[], added_at=at,
    )  # fmt: skip


async def hand_over(case: Case, cmd: HandOver, actor: Actor, tx: Transaction) -> None:
    """The case leaves its engineer; the note says to the next shift where it stands."""
    case.permit("hand_over")
    publish(internal_note(case, tx.now, actor, cmd.note), tx)
    case.assignee = case.assignee_name = None
    if cmd.queue is None:
        await route(case, tx, actor.by, why="handed over")
        return
    queue = await tx.first(Queue, Queue.c.code == cmd.queue, Queue.c.active)
    if queue is None:
        raise NoSuchQueue(f"There is no active queue {cmd.queue}.")
    place(case, tx, Choice(queue.code, queue.shift, queue.shift_ends(tx.now), _BY_HAND), actor.by, _BY_HAND)


@router.post("/v1/cases/{case_id}/hand-over", dependencies=[allow(*ENGINEERS)])
async def hand_over_route(case_id: UUID, cmd: HandOver, tx: Tx, caller: Caller) -> CaseOut:
    case = await case_for(caller, case_id, tx, lock=True)
    await hand_over(case, cmd, Actor.of(caller), tx)
    return case_out(case)

"""A resolved case closes; a parent never before its children."""

from datetime import timedelta

import sqlalchemy as sa

from libs.events.cases import CaseClosed
from libs.kit.auth import STAFF
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.case import AUTO_CLOSE, Case
from services.cases.model.incident import below
from services.cases.queries.access import COMMANDS

_TRY_AGAIN = timedelta(days=1)
_NAMED = 20
"""Children that are named."""


class ChildrenStillOpen(Conflict):
    """A parent closes after its children."""


class IncidentGoesOn(Conflict):
    """A mass incident is closed by us: its customer sees none of the others' cases that are part of it."""


async def close(
    case: Case, reason: str | None, actor: Actor, tx: Transaction, *, automatic: bool = False, typed: str | None = None
) -> None:
    """`typed` is what its history says instead of a `reason` that is a code. Raises ChildrenStillOpen, IncidentGoesOn."""
    if case.is_incident and not (actor is SYSTEM or actor.role in STAFF):
        raise IncidentGoesOn(
            f"{case.number} is one of several with the same cause; we close it once that is over.",
            state=case.state,
            possible=COMMANDS.possible(actor.role, case),
        )
    if children := await _unfinished_children(case, tx):
        choice = f"close or cancel its children first: {', '.join(children)}"
        raise ChildrenStillOpen(
            f"{case.number} is {case.state} and cannot close; {choice}.",
            state=case.state,
            possible=COMMANDS.possible(actor.role, case),
            children=children,
        )
    case.close(actor.by, tx.now, typed or reason or "closed")
    tx.cancel_timer(case, AUTO_CLOSE)
    tx.emit(
        CaseClosed(
            case_id=case.id,
            automatic=automatic,
            reason=reason,
            closing_code=case.closing_code,
            **actor.facts(),
            closed_at=tx.now,
        )
    )


async def _unfinished_children(case: Case, tx: Transaction) -> list[str]:
    """The numbers of the first. The parent's lock keeps new ones away."""
    open_children = sa.select(Case.c.number).where(below(case), Case.c.state.not_in(("closed", "cancelled")))
    return [r["number"] for r in await tx.fetch(open_children.order_by(Case.c.number).limit(_NAMED))]


async def close_when_nobody_objected(case: Case, tx: Transaction, _detail: str) -> None:
    """The timer after the resolution; a parent whose children are not over waits another day."""
    if case.state != "resolved":
        return
    if await _unfinished_children(case, tx):
        tx.set_timer(case, AUTO_CLOSE, tx.now + _TRY_AGAIN)
        return
    await close(case, "nobody objected in time", SYSTEM, tx, automatic=True)

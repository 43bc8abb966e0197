"""A resolved case is closed by the customer, by us, or by time; a parent never before its children."""

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from libs.events.cases import CaseClosed
from libs.kit.auth import CASE_WRITERS
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.case import Case
from services.cases.model.lifecycle import possible
from services.cases.queries.access import case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.use_cases.settle_case import AUTO_CLOSE

router = Router(tags=["cases"])
_TRY_AGAIN = timedelta(days=1)


class ChildrenStillOpen(Conflict):
    """A parent closes after its children."""


class CloseCase(Command):
    reason: Reason | None = None


async def close_case(case: Case, reason: str | None, actor: Actor, tx: Transaction, *, automatic: bool = False) -> None:
    case.permit("close")
    if children := await unfinished_children(case, tx):
        choice = f"close or cancel its children first: {', '.join(children)}"
        raise ChildrenStillOpen(
            f"{case.number} is {case.state} and cannot close; {choice}.", state=case.state, possible=possible(case.state),
            children=children,
        )  # fmt: skip
    case.close(actor.by, tx.now, reason or "closed")
    tx.cancel_timer(case, AUTO_CLOSE)
    tx.emit(
        CaseClosed(
            case_id=case.id, automatic=automatic, reason=reason, by=actor.by, by_role=actor.role, closed_at=tx.now
        )
    )


async def unfinished_children(case: Case, tx: Transaction) -> list[str]:
    """Their numbers. The parent's lock keeps new ones away."""
    open_children = sa.select(Case.c.number).where(
        Case.c.parent_id == case.id, Case.c.state.not_in(("closed", "cancelled"))
    )
    return [r["number"] for r in await tx.fetch(open_children.order_by(Case.c.number))]


async def close_when_nobody_objected(case: Case, tx: Transaction, _detail: str) -> None:
    """The timer after the resolution; a parent whose children are not over waits another day."""
    if case.state != "resolved":
        return
    if await unfinished_children(case, tx):
        tx.set_timer(case, AUTO_CLOSE, tx.now + _TRY_AGAIN)
        return
    await close_case(case, "nobody objected in time", SYSTEM, tx, automatic=True)


@router.post("/v1/cases/{case_id}/close", dependencies=[allow(*CASE_WRITERS)])
async def close_case_route(case_id: UUID, cmd: CloseCase, tx: Tx, caller: Caller) -> CaseOut:
    case = await case_for(caller, case_id, tx, lock=True)
    await close_case(case, cmd.reason, Actor.of(caller), tx)
    return case_out(case)

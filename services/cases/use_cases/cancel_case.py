"""Cancelling: the customer asks, we assess what is under way, then it is cancelled or goes on."""

from typing import Literal
from uuid import UUID

from libs.events.cases import CancellationDeclined, CancellationRequested, CaseCancelled
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import SHIFT, Case
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.route_case import route

router = Router(tags=["cases"])


class CancelCase(Command):
    """Why the case is no longer wanted."""

    reason: Reason


class DecideCancellation(Command):
    """Accepted, the case ends; declined, it goes on."""

    decision: Literal["accept", "decline"]
    reason: Reason


async def request_cancellation(case: Case, cmd: CancelCase, actor: Actor, tx: Transaction) -> None:
    """The case is assessed from here on, and takes no other command."""
    case.ask_to_cancel(cmd.reason, actor, tx.now)
    tx.emit(CancellationRequested(case_id=case.id, reason=cmd.reason, **actor.facts(), requested_at=tx.now))


async def decide_cancellation(case: Case, cmd: DecideCancellation, actor: Actor, tx: Transaction) -> None:
    """Cancelled, or back to what the facts say."""
    if cmd.decision == "accept":
        case.cancel(cmd.reason, actor, tx.now)
        tx.cancel_timer(case, SHIFT)
        tx.emit(CaseCancelled(case_id=case.id, reason=cmd.reason, **actor.facts(), cancelled_at=tx.now))
        return
    back_to = case.decline_cancellation(cmd.reason, actor, tx.now)
    tx.emit(
        CancellationDeclined(case_id=case.id, back_to=back_to, reason=cmd.reason, **actor.facts(), declined_at=tx.now)
    )
    await act_on(case, tx, at=tx.now, by=actor.by, reason=cmd.reason)
    if case.untaken:
        # The shift may have changed meanwhile.
        await route(case, tx, actor.by, why="not cancelled")


@router.post(
    "/v1/cases/{case_id}/cancel",
    dependencies=[allow(*COMMANDS.roles("cancel"))],
)
async def request_cancellation_route(case_id: UUID, cmd: CancelCase, tx: Tx, caller: Caller) -> CaseOut:
    """Ask to cancel; what is under way is assessed first."""
    case = await case_for(caller, case_id, tx, command="cancel")
    await request_cancellation(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)


@router.post("/v1/cases/{case_id}/cancellation", dependencies=[allow(*COMMANDS.roles("cancellation"))])
async def decide_cancellation_route(case_id: UUID, cmd: DecideCancellation, tx: Tx, caller: Caller) -> CaseOut:
    """Accept or decline what was asked; declined, the case goes back to what its facts say."""
    case = await case_for(caller, case_id, tx, command="cancellation")
    await decide_cancellation(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)

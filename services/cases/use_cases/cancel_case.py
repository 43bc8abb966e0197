"""Cancelling: the customer asks, we assess what is under way, then it is cancelled or goes on, also if the customer says so."""

from typing import Any, Literal, Self
from uuid import UUID

from pydantic import model_validator

from libs.events.cases import CancellationDeclined, CancellationRequested, CancellationWithdrawn, CaseCancelled
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Forbidden
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import SHIFT, SILENCE, Case
from services.cases.model.lifecycle import Command as Asked
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.act_on_case import act_on
from services.cases.reactions.route_case import route

router = Router(tags=["cases"])
_WITHDRAWN = "the customer wants it after all"


class CancelCase(Command):
    """Why the case is no longer wanted."""

    reason: Reason


class DecideCancellation(Command):
    """Accepted, the case ends; declined by us, or withdrawn by the customer, it goes on. We say why."""

    decision: Literal["accept", "decline", "withdraw"]
    reason: Reason | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.reason is None and self.decision != "withdraw":
            raise ValueError("say the reason")
        return self


async def request_cancellation(case: Case, cmd: CancelCase, actor: Actor, tx: Transaction) -> None:
    """The case is assessed from here on. It goes on to take notes, files and questions, and its clocks run."""
    case.ask_to_cancel(cmd.reason, actor, tx.now)
    tx.emit(CancellationRequested(case_id=case.id, reason=cmd.reason, **actor.facts(), requested_at=tx.now))


async def decide_cancellation(case: Case, cmd: DecideCancellation, actor: Actor, tx: Transaction) -> None:
    """Cancelled, or back to what the facts say."""
    reason = cmd.reason or _WITHDRAWN
    if cmd.decision == "accept":
        case.cancel(reason, actor, tx.now)
        tx.cancel_timer(case, SHIFT)
        tx.cancel_timer(case, SILENCE)
        tx.emit(CaseCancelled(case_id=case.id, reason=reason, **actor.facts(), cancelled_at=tx.now))
        return
    told: dict[str, Any] = {"case_id": case.id, "back_to": case.go_on(reason, actor, tx.now), **actor.facts()}
    if cmd.decision == "withdraw":
        tx.emit(CancellationWithdrawn(**told, reason=cmd.reason, withdrawn_at=tx.now))
    else:
        tx.emit(CancellationDeclined(**told, reason=reason, declined_at=tx.now))
    await act_on(case, tx, at=tx.now, by=actor.by, reason=reason)
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


@router.post(
    "/v1/cases/{case_id}/cancellation",
    dependencies=[allow(*COMMANDS.roles("cancellation"), *COMMANDS.roles("withdraw_cancellation"))],
)
async def decide_cancellation_route(case_id: UUID, cmd: DecideCancellation, tx: Tx, caller: Caller) -> CaseOut:
    """Accept or decline what was asked (staff), or withdraw it (the customer): then the case goes back to what its facts say."""
    command: Asked = "withdraw_cancellation" if cmd.decision == "withdraw" else "cancellation"
    if caller.role not in COMMANDS.roles(command):
        raise Forbidden("We accept or decline; the customer withdraws.")
    case = await case_for(caller, case_id, tx, command=command)
    await decide_cancellation(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)

"""An engineer says that the trouble is over."""

from uuid import UUID

from libs.kit.fields import Text, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.codes import CodeRequired, must_be_of
from services.cases.model.follow_facts import untold_waits
from services.cases.model.policy import policies
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out
from services.cases.reactions.act_on_case import schedule_close, tell_ended, tell_first_response, tell_resolved

router = Router(tags=["cases"])


class ResolveCase(Command):
    """What ended the trouble. It is public, and the first response if the customer has heard nothing yet."""

    resolution: Text
    end_waits: bool = False
    """End what is still waited for; else a wait that stands refuses the command."""
    cause_id: UUID | None = None
    """The visit, RMA or partner engagement that brought it."""
    closing_code: Word | None = None


class WaitsStillStand(Conflict):
    """Something is waited for: an event ends it, or the engineer."""


async def resolve_case(case: Case, cmd: ResolveCase, actor: Actor, tx: Transaction) -> None:
    """Raises WaitsStillStand, NoSuchCode, CodeRequired."""
    if case.standing_waits and not cmd.end_waits:
        raise WaitsStillStand(
            f"{case.number} waits for {', '.join(case.standing_waits)}; resolve it with end_waits, or end them first.",
            state=case.state,
            possible=COMMANDS.possible(actor.role, case),
            waits=[{"id": str(w.id), "kind": w.kind} for w in case.waits if w.stands],
        )
    await say_what_ended_it(case, cmd.closing_code, tx)
    if case.standing_waits:
        case.end_waits(case.waits, at=tx.now, by=actor.by, reason="resolved")
        case.become("in_progress", tx.now, actor.by, "resolved")
        tell_ended(case, untold_waits(case)[1], tx)
    tell_first_response(case, tx, actor)
    case.resolve(cmd.resolution, actor, tx.now, cmd.cause_id)
    await schedule_close(case, tx)
    tell_resolved(case, tx, actor)


async def say_what_ended_it(case: Case, code: str | None, tx: Transaction) -> None:
    """Without a code, what was said before stays. Raises NoSuchCode, CodeRequired."""
    policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
    if code:
        must_be_of(policy.closing_codes, [code], field="closing_code")
        case.closing_code = code
    if policy.closing_code_required and case.closing_code is None:
        known = [each.code for each in policy.closing_codes]
        raise CodeRequired("Say what ended the trouble: closing_code.", field="closing_code", known=known)


@router.post("/v1/cases/{case_id}/resolve", dependencies=[allow(*COMMANDS.roles("resolve"))])
async def resolve_case_route(case_id: UUID, cmd: ResolveCase, tx: Tx, caller: Caller) -> CaseOut:
    """Say that the trouble is over; the case closes by itself unless somebody objects."""
    case = await case_for(caller, case_id, tx, command="resolve")
    await resolve_case(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)

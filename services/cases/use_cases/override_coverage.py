"""A manager decides the cover of one case; entitlements answers with the decision that everybody obeys."""

from uuid import UUID

from libs.events.cases import CoverageOverridden, CoverageOverrideWithdrawn
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.problems import Conflict
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.case_values import CoverageOverride
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out

router = Router(tags=["cases"])


class OverrideCoverage(Command):
    """A decision on this case alone. `onsite` left out: as the contract has it."""

    covered: bool
    onsite: bool | None = None
    reason: Reason


class NotOverridden(Conflict):
    """No manager's word stands on this case's cover."""


class WithdrawOverride(Command):
    """Why the contract decides again."""

    reason: Reason


async def override_coverage(case: Case, cmd: OverrideCoverage, actor: Actor, tx: Transaction) -> None:
    """Counts once entitlements has answered."""
    case.coverage.override = CoverageOverride(**cmd.model_dump(), by=actor.by, at=tx.now)
    tx.emit(CoverageOverridden(case_id=case.id, **cmd.model_dump(), by=actor.by, overridden_at=tx.now))


@router.post("/v1/cases/{case_id}/coverage-override", dependencies=[allow(*COMMANDS.roles("coverage_override"))])
async def override_coverage_route(case_id: UUID, cmd: OverrideCoverage, tx: Tx, caller: Caller) -> CaseOut:
    """Decide the cover of this one case; entitlements answers with the decision that counts."""
    case = await case_for(caller, case_id, tx, command="coverage_override")
    await override_coverage(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)


@router.post(
    "/v1/cases/{case_id}/coverage-override/withdraw", dependencies=[allow(*COMMANDS.roles("coverage_override"))]
)
async def withdraw_override_route(case_id: UUID, cmd: WithdrawOverride, tx: Tx, caller: Caller) -> CaseOut:
    """Take the manager's word on the cover back; entitlements decides by the contract again."""
    case = await case_for(caller, case_id, tx, command="coverage_override")
    if case.coverage.override is None:
        raise NotOverridden(
            f"No manager's word stands on the cover of {case.number}.",
            state=case.state,
            possible=COMMANDS.possible(caller.role, case),
        )
    case.coverage.override = None
    by = Actor.of(caller).by
    tx.emit(CoverageOverrideWithdrawn(case_id=case.id, reason=cmd.reason, by=by, withdrawn_at=tx.now))
    return await case_out(case, caller, tx)

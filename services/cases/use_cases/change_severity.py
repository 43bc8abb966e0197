"""Our severity changes for a reason, and the priority with it; the customer's own stays as they said."""

from uuid import UUID

from libs.events.cases import SeverityChanged
from libs.events.values import Severity
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.cases.model.actor import Actor
from services.cases.model.case import Case
from services.cases.model.policy import policies
from services.cases.queries.access import COMMANDS, case_for
from services.cases.queries.answers import CaseOut, case_out

router = Router(tags=["cases"])


class ChangeSeverity(Command):
    """Our severity; the priority follows from it by policy."""

    severity: Severity
    reason: Reason


async def change_severity(case: Case, cmd: ChangeSeverity, actor: Actor, tx: Transaction) -> None:
    policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=cmd.severity)
    old_severity, old_priority = case.severity, case.priority
    case.severity, case.priority = cmd.severity, policy.priorities[cmd.severity]
    tx.emit(
        SeverityChanged(
            case_id=case.id,
            old_severity=old_severity,
            severity=case.severity,
            old_priority=old_priority,
            priority=case.priority,
            customer_severity=case.customer_severity,
            reason=cmd.reason,
            **actor.facts(),
            changed_at=tx.now,
        )
    )


@router.post("/v1/cases/{case_id}/severity", dependencies=[allow(*COMMANDS.roles("severity"))])
async def change_severity_route(case_id: UUID, cmd: ChangeSeverity, tx: Tx, caller: Caller) -> CaseOut:
    """Change our severity, for a reason; the customer's own stays as they said."""
    case = await case_for(caller, case_id, tx, command="severity")
    await change_severity(case, cmd, Actor.of(caller), tx)
    return await case_out(case, caller, tx)

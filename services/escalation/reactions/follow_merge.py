"""A duplicate goes on as another case: so do the time that has run and the people who were called."""

from datetime import timedelta
from uuid import UUID

from libs.events.cases import CasesMerged
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.escalation.model.case_file import GO_ON, CaseFile
from services.escalation.model.escalation import Escalation
from services.escalation.queries.settings_of_case import settings_now
from services.escalation.reactions.end_escalation import end_escalation
from services.escalation.reactions.raise_escalation import escalate, open_escalation
from services.escalation.reactions.record_fact import record

_LOOK_AGAIN = timedelta(minutes=1)


async def go_on_with_survivor(event: CasesMerged, tx: Transaction) -> None:
    """The survivor's running clocks start at the duplicate's opening, if that was earlier. What was escalated is escalated there."""
    case = await case_file(CaseFile, event.into, tx)
    await record(case, tx, "merged", event.merged_at, since=event.opened_at)
    if tx.rebuilding:
        return
    if escalation := await open_escalation(event.case_id, tx):
        await end_escalation(escalation, "The case was merged into another one, and goes on there.", tx, automatic=True)
        await go_on(case, tx, str(escalation.id))


async def go_on(case: CaseFile, tx: Transaction, escalation_id: str) -> None:
    """Also the timer of a survivor that was not known when its duplicate was. One that is resolved or over has nothing to escalate."""
    if case.state == "unknown":
        tx.set_timer(case, f"{GO_ON}:{escalation_id}", tx.now + _LOOK_AGAIN)
    elif case.is_worked:
        ended = await Escalation.get(UUID(escalation_id), tx)
        what = f"It was {ended.number} of a case that was merged into this one."
        await escalate(case, await settings_now(case, tx), tx, reason=ended.reason, explanation=what)

"""A customer who does not answer is reminded, and in the end the case resolves."""

from libs.events.cases import CustomerReminded
from libs.store import Transaction
from libs.store.ids import derived
from services.cases.model.actor import SYSTEM
from services.cases.model.business_days import business_days
from services.cases.model.case import CUSTOMER_SILENT, Case
from services.cases.model.case_values import Confirmation
from services.cases.model.policy import policies
from services.cases.model.silence import open_questions, reminders, resolves_at
from services.cases.reactions.act_on_case import act_on, look_again


async def remind_or_resolve(case: Case, tx: Transaction, _detail: str) -> None:
    """The timer of a silence. What was missed while nobody could be reminded is one reminder."""
    policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
    days = business_days(case, policy)
    for wait in open_questions(case):
        due = sum(at <= tx.now for at in reminders(wait, days, policy))
        if due > wait.reminded:
            wait.reminded, wait.reminded_at = due, tx.now
            tx.emit(
                CustomerReminded(
                    case_id=case.id,
                    wait_id=wait.id,
                    reminder=due,
                    contact_id=case.coverage.contact_id or case.contact_id,
                    waiting_since=wait.since,
                    resolves_at=resolves_at(case, days, policy),
                    reminded_at=tx.now,
                )
            )
    silent = resolves_at(case, days, policy)
    if silent and silent <= tx.now:
        await _resolve(case, tx)
    else:
        await look_again(case, tx)


async def _resolve(case: Case, tx: Transaction) -> None:
    asked = open_questions(case)
    case.end_waits(asked, at=tx.now, by=SYSTEM.by, reason=CUSTOMER_SILENT)
    case.confirm(Confirmation(cause_id=derived(asked[-1].id, CUSTOMER_SILENT), kind=CUSTOMER_SILENT, at=tx.now))
    await act_on(case, tx, at=tx.now, by=SYSTEM.by, reason=CUSTOMER_SILENT)

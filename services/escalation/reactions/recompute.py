"""A new version of the numbers reaches the cases under way."""

from libs.store import Transaction
from services.escalation.model.case_file import RECOMPUTE, CaseFile
from services.escalation.model.rota import GAP, Rota
from services.escalation.model.settings import policies
from services.escalation.reactions.act_on_case import act_on
from services.escalation.reactions.fill_queue import look_at


async def recompute_cases(tx: Transaction) -> None:
    """After a change of policy: every case under way looks anew at what is due, each in a transaction of its own, and
    every rota at its gaps; what waits in an automatic queue is given to somebody."""
    for case in await tx.select(CaseFile, CaseFile.c.state.in_(("open", "assessing"))):
        tx.set_timer(case, RECOMPUTE, tx.now)
    for rota in await tx.select(Rota):
        tx.set_timer(rota, GAP, tx.now)
    for queue in (await policies.at(tx)).automatic_queues:
        await look_at(queue, tx)


async def recompute(case: CaseFile, tx: Transaction, _detail: str) -> None:
    """The timer that a new policy sets."""
    await act_on(case, tx)

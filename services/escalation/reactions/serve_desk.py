"""What a fact of a case means for the desk: it waits for somebody, somebody is free for more, or has to act."""

from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.reactions.fill_queue import end_proposal, look_at
from services.escalation.reactions.take_back import watch_idleness


async def serve_desk(case: CaseFile, tx: Transaction) -> None:
    """Needs the case locked. Harmless to repeat."""
    if tx.rebuilding:
        return
    if not case.is_worked:
        await end_proposal(case, "overtaken", tx)
    await watch_idleness(case, tx)
    if case.waits_for_somebody:
        await look_at(case.queue, tx)

"""Puts what was heard of a case on record, and acts on what follows from it."""

from datetime import datetime
from typing import Any

from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.facts import Fact, FactKind, done_by
from services.escalation.reactions.act_on_case import act_on
from services.escalation.reactions.fill_queue import look_for


async def record(case: CaseFile, tx: Transaction, kind: FactKind, at: datetime, **details: Any) -> None:
    """The fact has the id of the event that told of it, so that hearing it again changes nothing."""
    assert tx.cause
    carried = case.carried
    case.record(Fact(id=tx.cause.event_id, kind=kind, at=at, person_id=done_by(tx.cause.actor), **details))
    await act_on(case, tx)
    if carried != case.carried:
        await look_for(case.holder, tx)

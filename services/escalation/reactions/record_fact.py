"""Puts what was heard of a case on record, and acts on what follows from it."""

from datetime import datetime
from typing import Any

from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.facts import Fact, FactKind
from services.escalation.reactions.act_on_case import act_on


async def record(case: CaseFile, tx: Transaction, kind: FactKind, at: datetime, **details: Any) -> None:
    """The fact has the id of the event that told of it, so that hearing it again changes nothing."""
    assert tx.cause
    case.record(Fact(id=tx.cause.event_id, kind=kind, at=at, **details))
    await act_on(case, tx)

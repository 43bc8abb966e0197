"""Puts what was heard of a case on record, and acts on what follows from it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from libs.store import Transaction
from services.escalation.model.case_file import CaseFile
from services.escalation.model.facts import Fact, FactKind
from services.escalation.reactions.act_on_case import act_on


async def case_file_of(case_id: UUID, tx: Transaction) -> CaseFile:
    """The locked file of a case, begun with whatever is heard of it first."""
    case = await CaseFile.find(case_id, tx, lock=True)
    if case is None:
        case = tx.add(CaseFile(id=case_id))
    if case.account_id is None and tx.cause:
        case.account_id = tx.cause.account_id
    return case


async def record(case: CaseFile, tx: Transaction, kind: FactKind, at: datetime, **details: Any) -> None:
    """The fact has the id of the event that told of it, so that hearing it again changes nothing."""
    assert tx.cause
    case.record(Fact(id=tx.cause.event_id, kind=kind, at=at, **details))
    await act_on(case, tx)

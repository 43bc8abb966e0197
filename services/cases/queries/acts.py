"""Whether somebody has done anything on a case, by what its rows say."""

from datetime import datetime
from uuid import UUID

from libs.kit.forgetting import acted_as
from libs.store import Transaction
from services.cases.model.case import Case
from services.cases.model.diagnosis import Diagnosis
from services.cases.model.note import Note


async def has_acted(case: Case, person_id: UUID, since: datetime, tx: Transaction) -> bool:
    """A word, a diagnosis, a wait, a change of state, a workaround, or a correction of theirs after that instant: that they were
    given the case is none."""
    them = acted_as(person_id)
    done = [(each.by, each.at) for each in case.history]
    done += [(each.by, each.at) for each in case.workarounds]
    done += [(each.by, each.at) for each in case.corrections]
    done += [(wait.by, wait.since) for wait in case.waits]
    if any(by in them and at > since for by, at in done):
        return True
    if await tx.first(Note, Note.c.case_id == case.id, Note.c.added_at > since, Note.c.by.in_(them)):
        return True
    theirs = Diagnosis.c.diagnosed_by.in_(them) & (Diagnosis.c.diagnosed_at > since)
    return await tx.first(Diagnosis, Diagnosis.c.case_id == case.id, theirs) is not None

"""A case that a customer opened from an announcement becomes part of its incident, which may be another account's: so we do it, not they."""

from datetime import timedelta
from uuid import UUID

from libs.events.cases_work import CaseJoinedIncident
from libs.store import Transaction
from services.cases.model.actor import SYSTEM
from services.cases.model.announcement import Announcement
from services.cases.model.case import Case
from services.cases.model.incident import NoSuchIncident, join

JOIN = "join"
"""Timer of a case, with the announcement that it was opened from."""
_AGAIN = timedelta(seconds=1)


async def join_announced(case: Case, tx: Transaction, announcement_id: str) -> None:
    """Unless that is over by now, or somebody was quicker."""
    announcement = await tx.find(Announcement, UUID(announcement_id))
    if announcement is None or announcement.case_id is None or case.incident_id:
        return
    incident = await tx.find(Case, announcement.case_id)
    if incident is None:
        return
    if not await tx.lock_available(Case, [incident.id]):
        tx.set_timer(case, f"{JOIN}:{announcement_id}", tx.now + _AGAIN)
        return
    try:
        join(case, incident)
    except NoSuchIncident:
        return
    tx.emit(
        CaseJoinedIncident(
            case_id=case.id,
            incident_id=incident.id,
            announcement_id=announcement.id,
            **SYSTEM.facts(),
            joined_at=tx.now,
        )
    )

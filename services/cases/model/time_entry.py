"""Time that one of us spent on a case. It is not changed: what was wrong is withdrawn and entered anew."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from libs.kit.problems import Conflict, Unprocessable
from libs.store import Entity
from services.cases.model.case_values import Redacted

TimeKind = Literal["remote_session", "call", "research", "writing", "coordination", "other"]


class WithdrawnAlready(Conflict):
    """What is withdrawn counts no more, and is withdrawn once."""


class SomebodyElsesTime(Conflict):
    """Time is withdrawn by whoever spent it, or by a manager."""


class NotWorkedYet(Unprocessable):
    """Time is entered once it was spent."""


class TimeEntry(Entity, table="time_entries", indexes=(("case_id", "spent_at", "id"),)):
    """`person_id` spent it, until `spent_at`; `by` entered it at `added_at`. Staff alone see it."""

    account_id: UUID
    case_id: UUID
    person_id: UUID
    minutes: int
    kind: TimeKind
    words: str | None
    spent_at: datetime
    by: str
    added_at: datetime
    withdrawn_at: datetime | None = None
    withdrawn_by: str | None = None
    redacted: Redacted | None = None

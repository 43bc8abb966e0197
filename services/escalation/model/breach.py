"""A threshold that was passed. Its id follows from case, epoch, rule and percentage, so that there is never a second one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa

from libs.events.values import Priority
from libs.store import Entity
from libs.store.ids import derived
from services.escalation.model.people import Addressee
from services.escalation.model.thresholds import Threshold


def breach_id(case_id: UUID, threshold: Threshold) -> UUID:
    """The same for the same case and threshold."""
    return derived(case_id, f"breach:{threshold.mark}")


class Breach(Entity, table="breaches", indexes=("account_id",), unique=(("case_id", "epoch", "key"),)):
    """The record of one breach. `due_at` is when the threshold lay, `raised` whether it called for an escalation."""

    case_id: UUID
    account_id: UUID | None = None
    key: str
    rule: str
    percent: int | None = None
    epoch: int
    round: Annotated[int, sa.DefaultClause("0")] = 0
    priority: Priority
    due_at: datetime
    breached_at: datetime
    raised: bool
    explanation: str
    recipients: list[Addressee]

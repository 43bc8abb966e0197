"""Who was proposed for a case, why, and what came of it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from libs.events.values import Priority
from libs.store import Entity
from services.escalation.model.desk_member import Candidate, Need, WhyNot

Outcome = Literal["open", "followed", "overtaken", "lapsed"]


class Considered(BaseModel):
    """Somebody of the queue, as they were then. `why_not` None: they could have been given it."""

    person_id: UUID
    load: int
    capacity: int
    given_at: datetime | None = None
    why_not: WhyNot | None = None


def considered(need: Need, desk: Iterable[Candidate], at: datetime) -> list[Considered]:
    """Everybody of the queue, as they are at that instant."""
    return [
        Considered(
            person_id=each.member.person_id,
            load=each.load,
            capacity=each.capacity,
            given_at=each.given_at,
            why_not=each.why_not(need, at),
        )
        for each in desk
    ]


class Proposal(
    Entity,
    table="proposals",
    indexes=(("proposed_at", "id"), ("case_id", "proposed_at", "id"), ("person_id", "proposed_at", "id")),
):
    """`person_id` None: the case is to go back into its queue. `outcome`: whether cases did so, something else came first, or nothing
    was heard in time."""

    case_id: UUID
    queue: str | None
    person_id: UUID | None = None
    previous_person_id: UUID | None = None
    why: Literal["skill_and_load", "not_acted"]
    priority: Priority
    considered: list[Considered]
    proposed_at: datetime
    outcome: Outcome = "open"
    answered_at: datetime | None = None

    def end(self, outcome: Outcome, at: datetime) -> None:
        """Once."""
        if self.outcome == "open":
            self.outcome, self.answered_at = outcome, at


class WaitingLine(Entity, table="waiting_lines"):
    """The cases that wait to be given to somebody. One row: whoever has locked it alone chooses, so nobody is given more than they can carry."""


LINE = UUID(int=1)
"""The one row's."""
FILL = "fill"
"""The timer of the line: the queue after the colon is looked at."""

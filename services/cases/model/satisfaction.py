"""How content the customer is with how their case was worked: a word on each resolution."""

from datetime import datetime, timedelta
from uuid import UUID

from libs.events.values import Role
from libs.kit.problems import Conflict
from libs.store import Entity
from services.cases.model.case_values import Redacted


class SatisfactionSettled(Conflict):
    """A word on how it was is changed within a time, and stays then."""


class Satisfaction(
    Entity,
    table="satisfaction",
    unique=(("case_id", "epoch"),),
    indexes=(
        ("given_at", "id"),
        ("queue", "given_at", "id"),
        ("score", "given_at", "id"),
        ("account_id", "given_at", "id"),
    ),
):
    """`score` is 1 to 5, the best. `queue`: where the case stood when it was given first, at `given_at`."""

    account_id: UUID
    case_id: UUID
    epoch: int
    score: int
    words: str | None
    queue: str | None
    by: str
    by_role: Role
    given_at: datetime
    changed_at: datetime | None = None
    redacted: Redacted | None = None

    def must_be_open(self, days: int, at: datetime) -> None:
        """Raises SatisfactionSettled."""
        until = self.given_at + timedelta(days=days)
        if at > until:
            raise SatisfactionSettled(
                f"It could be changed for {days} days.", until=until.isoformat(), satisfaction_id=str(self.id)
            )

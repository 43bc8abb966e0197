"""A view: what somebody asks of the list of cases again and again, under a name."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from libs.kit.names import Found
from libs.kit.problems import Conflict
from libs.store import Entity, Transaction

StaffRole = Literal["engineer", "manager", "ops", "admin"]


class SomebodyElsesView(Conflict):
    """A view is changed and removed by its owner, or by an admin: keep one of your own."""


class View(Found, Entity, table="views", indexes=(("sort_key", "id"), "owner")):
    """`query` is that of the list's address. `owner` is a person's id; `shared_with` are the roles that see it too."""

    name: str
    query: str
    shared_with: list[StaffRole]
    owner: UUID
    created_at: datetime

    def must_be_of(self, person_id: UUID | None, role: str) -> None:
        """Raises SomebodyElsesView."""
        if role != "admin" and person_id != self.owner:
            raise SomebodyElsesView("Only its owner changes or removes this view.")


def take_away(view: View, tx: Transaction) -> None:
    """It is nobody's any more."""
    tx.remove(view)

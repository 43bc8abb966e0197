"""A view: what somebody asks of the list of cases again and again, under a name."""

from dataclasses import field
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import sqlalchemy as sa

from libs.kit.names import Found
from libs.kit.problems import Conflict
from libs.store import Entity, Transaction

StaffRole = Literal["engineer", "manager", "ops", "admin"]


class SomebodyElsesView(Conflict):
    """A view is changed and removed by its owner, or by an admin: keep one of your own."""


class View(Found, Entity, table="views", indexes=(("sort_key", "id"), "owner")):
    """`query` is that of the list's address. `owner` is a person's id; `shared_with` are the roles that see it too, `queues` the desks for
    which it is kept: whoever works on cases sees it, and finds it by the desk."""

    name: str
    query: str
    shared_with: list[StaffRole]
    queues: Annotated[list[str], sa.DefaultClause("[]")] = field(default_factory=list)
    owner: UUID
    created_at: datetime

    @property
    def is_shared(self) -> bool:
        """Whether it is more than its owner's."""
        return bool(self.shared_with or self.queues)

    def must_be_of(self, person_id: UUID | None, role: str) -> None:
        """Raises SomebodyElsesView."""
        if role != "admin" and person_id != self.owner:
            raise SomebodyElsesView("Only its owner changes or removes this view.")


def take_away(view: View, tx: Transaction) -> None:
    """It is nobody's any more."""
    tx.remove(view)

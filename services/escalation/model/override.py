"""Somebody stands in: for one person or for all, in one layer or in all; a swap is two of these."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from libs.kit.problems import Conflict, Unprocessable
from libs.store import Entity


class NotInTheRota(Unprocessable):
    """Who is replaced, or gives a turn, has turns in the rota or stands in there."""


class NoSuchLayer(Unprocessable):
    """The rota has a layer of this name."""


class OverrideIsOver(Conflict):
    """It has ended or was removed: who was on call stays on record."""


class OverrideHasBegun(Conflict):
    """Somebody is on call by it: it can end, and another one follow, but not become another one."""


class PartOfASwap(Conflict):
    """It goes with its other half: undo the swap."""


class Change(BaseModel):
    """What was done to an override, when, by whom and why."""

    at: datetime
    by: str
    what: str
    why: str | None = None


class Override(Entity, table="overrides", indexes=(("rota_id", "starts", "id"), ("person_id", "ends"), "swap_id")):
    """Until the end (outside). `layer` None: in all of them; `replaces` None: whoever has the turn, and also where nobody has.
    `swap_id` is that of both halves of a swap. What is removed before it begins never held; later, it ends then."""

    rota_id: UUID
    layer: str | None = None
    starts: datetime
    ends: datetime
    person_id: UUID
    replaces: UUID | None = None
    reason: str
    by: str
    created_at: datetime
    swap_id: UUID | None = None
    removed_at: datetime | None = None
    history: list[Change] = field(default_factory=list)

    def holds(self, at: datetime) -> bool:
        """Whether somebody is on call by it at that instant."""
        return self.starts <= at < self.ends and (self.removed_at is None or at < self.removed_at)

    def is_over(self, at: datetime) -> bool:
        """Whether nobody will be on call by it from then on."""
        return self.removed_at is not None or self.ends <= at

    def must_not_be_over(self, at: datetime) -> None:
        """Raises OverrideIsOver."""
        if self.is_over(at):
            raise OverrideIsOver("It has ended or was removed; make another one.", possible=[])

    def must_stand_alone(self) -> None:
        """Raises PartOfASwap."""
        if self.swap_id:
            raise PartOfASwap(
                "It is half of a swap, which can be undone.", swap_id=str(self.swap_id), possible=["undo_swap"]
            )

    def stands_in_for(self, turn: UUID | None, so_far: UUID | None) -> UUID | None:
        """Who is on call where `turn` has the turn and older overrides have made it `so_far`."""
        return self.person_id if self.replaces is None or self.replaces in (turn, so_far) else so_far

    def note(self, what: str, at: datetime, by: str, why: str | None) -> None:
        """Puts it on record."""
        self.history = [*self.history, Change(at=at, by=by, what=what, why=why)]

    def remove(self, at: datetime, by: str, why: str | None) -> None:
        """From now on nobody is on call by it. Raises OverrideIsOver."""
        self.must_not_be_over(at)
        self.removed_at = at
        self.note("removed", at, by, why)

    def pass_on(self, successors: Mapping[UUID, UUID], at: datetime, by: str) -> None:
        """A successor stands in for who has left, and is stood in for."""
        person, replaced = (successors.get(id, id) if id else None for id in (self.person_id, self.replaces))
        if (person, replaced) != (self.person_id, self.replaces) and not self.is_over(at):
            assert person
            self.person_id, self.replaces = person, replaced
            self.note("passed on", at, by, "somebody whom it names has left")

"""A rota: layers of people who take turns at being on call. Who stands in is in `override.py`, what follows in `roster.py`."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import sqlalchemy as sa

from libs.kit.calendar import CalendarData
from libs.kit.names import Found
from libs.store import Entity
from services.escalation.model.layer import Layer

GAP = "gap"
"""The timer of a gap that comes, or of the next look for one."""


class Rota(Found, Entity, table="rotas", indexes=("purpose", ("sort_key", "id"))):
    """Who is on call by turns. A rota of duty managers is told of every breach; the others are called by a step that names
    them. `hours` are those in which somebody is to be on call, None: always. `told_gaps` are the beginnings of coming gaps that were told."""

    name: str
    purpose: Literal["duty_manager", "on_call"]
    layers: list[Layer]
    webhook_url: str | None = None
    hours: CalendarData | None = None
    told_gaps: Annotated[list[datetime], sa.DefaultClause("[]")] = field(default_factory=list)

    def pass_on(self, successors: Mapping[UUID, UUID]) -> None:
        """Who has left gives their turns to a successor."""
        self.layers = [
            layer.model_copy(update={"people": tuple(successors.get(id, id) for id in layer.people)})
            for layer in self.layers
        ]

    def is_never_alone(self, at: datetime) -> bool:
        """Whether a layer works round the clock from `at` on: then there is no gap to look for."""
        return any(not layer.windows and layer.turn_at(at) for layer in self.layers)

    @property
    def people(self) -> list[UUID]:
        """Everybody who has turns."""
        return [id for layer in self.layers for id in layer.people]

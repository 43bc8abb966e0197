"""A rota: layers of people who take turns at being on call. Who stands in is in `override.py`, what follows in `roster.py`."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from libs.kit.names import Found
from libs.store import Entity
from services.escalation.model.layer import Layer


class Rota(Found, Entity, table="rotas", indexes=("purpose", ("sort_key", "id"))):
    """Who is on call by turns. A rota of duty managers is told of every breach; the others are called by a step that names
    them."""

    name: str
    purpose: Literal["duty_manager", "on_call"]
    layers: list[Layer]
    webhook_url: str | None = None

    def pass_on(self, successors: Mapping[UUID, UUID]) -> None:
        """Who has left gives their turns to a successor."""
        self.layers = [
            layer.model_copy(update={"people": tuple(successors.get(id, id) for id in layer.people)})
            for layer in self.layers
        ]

    @property
    def people(self) -> list[UUID]:
        """Everybody who has turns."""
        return [id for layer in self.layers for id in layer.people]

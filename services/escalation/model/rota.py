"""Who is on call at an instant: layers that hand over at a local time, and overrides above them."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from libs.kit.fields import Short, Text
from libs.kit.names import Found
from libs.store import Entity
from libs.store.ids import new_id
from services.escalation.model.layer import Layer
from services.escalation.model.people import Addressee, RecipientKind, webhook_addressed


class NewOverride(BaseModel):
    """Somebody stands in, for one person or for everybody, until the end (outside)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts: AwareDatetime
    ends: AwareDatetime
    person_id: UUID
    replaces: UUID | None = None
    reason: Text

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.ends <= self.starts:
            raise ValueError("an override ends after it starts")
        return self


class RotaOverride(NewOverride):
    """`by` is who asked."""

    id: UUID = Field(default_factory=new_id)
    reason: str
    by: Short = ""


class Rota(Found, Entity, table="rotas", indexes=("purpose", ("sort_key", "id"))):
    """Who is on call by turns. A rota of duty managers is told of every breach; the others are called by a step that names
    them."""

    name: str
    purpose: Literal["duty_manager", "on_call"]
    layers: list[Layer]
    overrides: list[RotaOverride] = field(default_factory=list)
    webhook_url: str | None = None

    def on_call(self, at: datetime) -> list[UUID]:
        """Who is on call; the newest override that fits wins."""
        covering = [each for each in self.overrides if each.starts <= at < each.ends]
        if everybody := [each for each in covering if each.replaces is None]:
            return [everybody[-1].person_id]
        stand_ins = {each.replaces: each.person_id for each in covering}
        turns = [id for layer in self.layers if (id := layer.on_call(at))]
        return list(dict.fromkeys(stand_ins.get(id, id) for id in turns))

    def is_to_come_for(self, person_id: UUID, at: datetime) -> bool:
        """Whether this person has a turn, or stands in for somebody later than `at`."""
        turns = any(person_id in layer.people for layer in self.layers)
        return turns or any(each.person_id == person_id and each.ends > at for each in self.overrides)

    @property
    def people(self) -> list[UUID]:
        """Everybody that it names."""
        turns = [id for layer in self.layers for id in layer.people]
        return turns + [id for each in self.overrides for id in (each.person_id, each.replaces) if id]

    def pass_on(self, successors: Mapping[UUID, UUID], at: datetime) -> None:
        """Who has left gives their turns, and where they stand in at `at` or later, to a successor."""
        self.layers = [
            layer.model_copy(update={"people": tuple(successors.get(id, id) for id in layer.people)})
            for layer in self.layers
        ]
        self.overrides = [
            each.model_copy(
                update={
                    "person_id": successors.get(each.person_id, each.person_id),
                    "replaces": successors.get(each.replaces, each.replaces) if each.replaces else None,
                }
            )
            if each.ends > at
            else each
            for each in self.overrides
        ]

    def recipients(self, at: datetime) -> list[Addressee]:
        """Who is on call at that instant, then the webhook if there is one."""
        kind: RecipientKind = self.purpose
        people = [Addressee(kind=kind, id=id) for id in self.on_call(at)]
        return people + ([webhook_addressed(self.webhook_url, self.name, self.id)] if self.webhook_url else [])

"""Who is called in which steps. An escalation keeps the policy as it was when it was raised."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import field
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.events.values import Priority
from libs.kit.names import Found
from libs.store import Entity
from services.escalation.model.settings import EscalationSettings


class Call(BaseModel):
    """Whom a step calls; a rota, a team and a person by their id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["duty_manager", "service_management", "assignee", "rota", "team", "person"]
    id: UUID | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind in ("rota", "team", "person")) != (self.id is not None):
            raise ValueError("a rota, a team and a person are called by their id, and nobody else")
        return self


class Step(BaseModel):
    """Whom to call, how many of them are wanted, and when the next step follows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls: tuple[Call, ...] = Field(min_length=1, max_length=20)
    minutes_to_next: int = Field(15, ge=1, le=60 * 24 * 7)
    acknowledgements: int = Field(1, ge=1, le=10, description="people who must take it up before the step is silent")

    @property
    def people(self) -> list[UUID]:
        """The persons that it names."""
        return [call.id for call in self.calls if call.kind == "person" and call.id]

    def calls_only(self, person_id: UUID, nobody: AbstractSet[UUID]) -> bool:
        """Whether it names this person, and else only `nobody`: persons who cannot be called."""
        persons = {*self.people}
        return person_id in persons and persons <= nobody and len(self.people) == len(self.calls)

    def pass_on(self, successors: Mapping[UUID, UUID]) -> Self:
        """With a successor called for each person who has left."""
        calls = (
            each.model_copy(update={"id": successors.get(each.id, each.id)})
            if each.kind == "person" and each.id
            else each
            for each in self.calls
        )
        return self.model_copy(update={"calls": tuple(calls)})


class FrozenPolicy(BaseModel):
    """The steps and numbers that an escalation was raised with."""

    model_config = ConfigDict(frozen=True)

    id: UUID | None
    name: str
    revision: int
    steps: tuple[Step, ...]
    repeat: int
    unacknowledge_minutes: int
    unanswered_minutes: int = 60


class EscalationPolicy(Found, Entity, table="escalation_policies", indexes=(("sort_key", "id"),)):
    """Chosen by priority and rule; empty ones fit all. What names more weighs more, then what was made first."""

    name: str
    priorities: list[Priority] = field(default_factory=list)
    rules: list[str] = field(default_factory=list)
    steps: list[Step]
    # None: the number in force
    repeat: int | None = None
    unacknowledge_minutes: int | None = None
    active: bool = True

    def fits(self, rule: str, priority: Priority) -> bool:
        """Whether it holds for a breach of this rule at this priority."""
        return (
            self.active
            and (not self.rules or rule in self.rules)
            and (not self.priorities or priority in self.priorities)
        )

    @property
    def weight(self) -> int:
        """How much it names: of two that fit, the heavier one is chosen."""
        return bool(self.rules) + bool(self.priorities)

    def frozen(self, settings: EscalationSettings) -> FrozenPolicy:
        """As it is now; numbers that it leaves out are those of the settings."""
        return FrozenPolicy(
            id=self.id,
            name=self.name,
            revision=self.revision,
            steps=tuple(self.steps),
            repeat=settings.repeat if self.repeat is None else self.repeat,
            unacknowledge_minutes=self.unacknowledge_minutes or settings.unacknowledge_minutes,
            unanswered_minutes=settings.unanswered_minutes,
        )


def built_in(settings: EscalationSettings) -> FrozenPolicy:
    """What holds where no policy is kept: the duty manager, then service management too."""
    calls = (
        (Call(kind="duty_manager"), Call(kind="assignee")),
        (Call(kind="duty_manager"), Call(kind="service_management")),
    )
    steps = tuple(Step(calls=each, minutes_to_next=settings.step_minutes) for each in calls)
    return FrozenPolicy(
        id=None,
        name="built in",
        revision=0,
        steps=steps,
        repeat=settings.repeat,
        unacknowledge_minutes=settings.unacknowledge_minutes,
        unanswered_minutes=settings.unanswered_minutes,
    )


def chosen(
    policies: list[EscalationPolicy], rule: str, priority: Priority, settings: EscalationSettings
) -> FrozenPolicy:
    """The policy for a breach of `rule` at `priority`, frozen."""
    fitting = sorted((p for p in policies if p.fits(rule, priority)), key=lambda p: (-p.weight, p.id))
    return fitting[0].frozen(settings) if fitting else built_in(settings)

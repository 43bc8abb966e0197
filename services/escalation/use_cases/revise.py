"""How master data is made and changed: the fields that were sent, and no others."""

from typing import Any, ClassVar, Self, TypeVar, get_type_hints
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, model_validator

from libs.kit.http import Command
from libs.store import Entity
from libs.store.ids import new_id
from services.escalation.model.people import Person, ids_of, people_in

E = TypeVar("E", bound=Entity)


class Revision(Command):
    """Every field may be left out; null is for those in `clearable` alone."""

    clearable: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="after")
    def _null_only_where_it_means_something(self) -> Self:
        empty = {name for name in self.model_fields_set if getattr(self, name) is None} - self.clearable
        if empty:
            raise ValueError(f"these cannot be null: {', '.join(sorted(empty))}")
        return self


def kept(
    cls: type[Entity], command: Command, names: set[str], ids: dict[tuple[str, str], UUID] | None = None
) -> dict[str, Any]:
    """These fields of the command as the entity keeps them: people have ids there, those of `ids` where they are in it."""
    hints = get_type_hints(cls, include_extras=True)
    return {
        name: TypeAdapter(hints[name]).validate_python(
            getattr(command, name), from_attributes=True, context={"ids": ids or {}}
        )
        for name in names
    }


def made(cls: type[E], command: Command) -> E:
    """A new one that says what the command says."""
    return cls(id=new_id(), **kept(cls, command, set(type(command).model_fields)))


def revise(entity: Entity, revision: Revision) -> None:
    """Who is known there already keeps their id."""
    vars(entity).update(kept(type(entity), revision, revision.model_fields_set, known_there(entity, revision)))


def known_there(entity: Entity, command: BaseModel) -> dict[tuple[str, str], UUID]:
    """The ids of those whom the command names and the entity knows."""
    stored = [person for person in people_in(list(vars(entity).values())) if isinstance(person, Person)]
    in_use = {each.replaces for each in getattr(entity, "overrides", ()) if each.replaces}
    return ids_of(stored, people_in(command), in_use)

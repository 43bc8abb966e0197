"""How master data is changed: the fields that were sent, and no others."""

from typing import ClassVar, Self

from pydantic import model_validator

from libs.kit.http import Command
from libs.store import Entity


class Revision(Command):
    """Every field may be left out; null is for those in `clearable` alone."""

    clearable: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="after")
    def _null_only_where_it_means_something(self) -> Self:
        empty = {name for name in self.model_fields_set if getattr(self, name) is None} - self.clearable
        if empty:
            raise ValueError(f"these cannot be null: {', '.join(sorted(empty))}")
        return self


def revise(entity: Entity, revision: Revision) -> None:
    for name in revision.model_fields_set:
        setattr(entity, name, getattr(revision, name))

"""A partial change of master data."""

from libs.kit.http import Command
from libs.store import Entity


class Change(Command):
    """A PATCH: what is not sent stays."""

    def apply(self, entity: Entity) -> None:
        """Sets what was sent."""
        for name in self.model_fields_set:
            setattr(entity, name, getattr(self, name))

"""Who works here, as the gateway tells it: the name and the addresses under which somebody is called."""

from uuid import UUID

from libs.events.gateway import PersonRole
from libs.events.values import Language
from libs.store import Entity


class KnownPerson(Entity, table="people"):
    """A replica of our own people. `active`: works here still; `gone`: forgotten."""

    gone: bool = False
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: Language | None = None
    roles: list[PersonRole] | None = None
    active: bool | None = None
    successor_id: UUID | None = None

    @property
    def called(self) -> str | None:
        """As we see them. None once forgotten."""
        return self.name

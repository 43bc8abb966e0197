"""Who works here, as the gateway tells it: the name that is shown, and whom a case can be given to."""

from uuid import UUID

from libs.events.gateway import PersonRole
from libs.store import Entity


class KnownPerson(Entity, table="people"):
    """A replica of our own people. `active`: works here still; `gone`: forgotten."""

    gone: bool = False
    display_name: str | None = None
    roles: list[PersonRole] | None = None
    active: bool | None = None
    successor_id: UUID | None = None

    @property
    def called(self) -> str | None:
        """As customers see them. None once forgotten."""
        return self.display_name

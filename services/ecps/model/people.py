"""Who joins a call, as entitlements tells of the customer's people and the gateway of ours: what an invitation says, and nothing that is
decided by."""

from uuid import UUID

from libs.events.values import Language
from libs.store import Entity


class KnownContact(Entity, table="contacts", indexes=("account_id",)):
    """A replica of the customer's contacts; `gone`: forgotten."""

    gone: bool = False
    account_id: UUID | None = None
    name: str | None = None
    email: str | None = None
    language: Language | None = None

    @property
    def called(self) -> str | None:
        """None once forgotten."""
        return self.name


class KnownPerson(Entity, table="people"):
    """A replica of our own people. `active`: works here still; `gone`: forgotten."""

    gone: bool = False
    display_name: str | None = None
    email: str | None = None
    active: bool | None = None

    @property
    def called(self) -> str | None:
        """As customers see them. None once forgotten."""
        return self.display_name


Known = KnownContact | KnownPerson

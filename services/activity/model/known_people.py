"""Who an actor is, as the gateway and entitlements tell it: to be read by who may know it, and nothing that is decided by."""

from uuid import UUID

from libs.store import Entity


class KnownPerson(Entity, table="people"):
    """A replica of our own people; `gone`: forgotten."""

    gone: bool = False
    name: str | None = None
    display_name: str | None = None


class KnownContact(Entity, table="contacts"):
    """A replica of the customers' people; `gone`: forgotten."""

    gone: bool = False
    account_id: UUID | None = None
    name: str | None = None

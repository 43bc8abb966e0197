"""The customers' people, as entitlements tells of them: who an id is, and nothing that is decided by."""

from uuid import UUID

from libs.store import Entity


class KnownContact(Entity, table="contacts"):
    """A replica of the customer's contacts; `gone`: forgotten."""

    gone: bool = False
    account_id: UUID | None = None
    name: str | None = None

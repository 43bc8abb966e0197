"""Whom a technician goes to and where, as entitlements tells it: to be read by who comes, and nothing that is decided by."""

from uuid import UUID

from libs.store import Entity


class KnownContact(Entity, table="contacts"):
    """A replica of the customer's contacts; `gone`: forgotten."""

    gone: bool = False
    account_id: UUID | None = None
    name: str | None = None
    phone: str | None = None


class KnownSite(Entity, table="sites"):
    """A replica of the customer's sites."""

    gone: bool = False
    account_id: UUID | None = None
    name: str | None = None
    address_lines: list[str] | None = None
    postal_code: str | None = None
    access_notes: str | None = None

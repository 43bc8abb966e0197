"""Who joins a call for the customer, as entitlements tells it: what an invitation says, and nothing that is decided by."""

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

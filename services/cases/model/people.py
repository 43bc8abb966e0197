"""Who works here, as the gateway tells it, and who and what is the customer's, as entitlements does: what a command may name."""

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


class KnownContact(Entity, table="contacts"):
    """Which account a contact is of, and how a reply addresses them. `active`: there still, None until it is told; `gone`: forgotten."""

    gone: bool = False
    account_id: UUID | None = None
    active: bool | None = None
    name: str | None = None


class KnownSite(Entity, table="sites", indexes=(("account_id", "country"),)):
    """Which account a site is of, and in which country."""

    gone: bool = False
    account_id: UUID | None = None
    country: str | None = None


class KnownUnit(Entity, table="units", indexes=(("account_id", "product_number"), ("account_id", "family"))):
    """Which account has a unit of which product registered: no more than who is told what."""

    gone: bool = False
    account_id: UUID | None = None
    product_number: str | None = None
    family: str | None = None

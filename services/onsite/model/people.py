"""Whom a technician goes to and where, as entitlements tells it, and who the technicians are, as the gateway does: to be read by who comes and
who is visited, and nothing that is decided by."""

from collections.abc import Callable, Mapping
from uuid import UUID

from libs.events.gateway import PersonRole, PersonState
from libs.kit.names import LONGEST, words_of
from libs.kit.text import sort_key
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


KEYS: Mapping[str, Callable[[PersonState], str]] = {
    "sort_key": lambda person: sort_key(person.display_name)[:LONGEST],
    "words": lambda person: words_of(person.display_name),
}
"""What the list of technicians is sorted and searched by, made of the name as it comes, and gone with it."""


class KnownPerson(Entity, table="people"):
    """A replica of our own people. `active`: works here still; `gone`: forgotten."""

    gone: bool = False
    display_name: str | None = None
    phone: str | None = None
    roles: list[PersonRole] | None = None
    active: bool | None = None
    successor_id: UUID | None = None
    sort_key: str | None = None
    words: str | None = None

    @property
    def called(self) -> str | None:
        """As customers see them. None once forgotten."""
        return self.display_name

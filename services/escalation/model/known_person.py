"""Who works here, as the gateway tells it: the name and the addresses under which somebody is called."""

from collections.abc import Callable, Mapping
from uuid import UUID

from libs.events.gateway import PersonRole, PersonState
from libs.events.values import Language
from libs.kit.names import LONGEST, words_of
from libs.kit.text import sort_key
from libs.store import Entity

KEYS: Mapping[str, Callable[[PersonState], str]] = {
    "sort_key": lambda person: sort_key(person.name)[:LONGEST],
    "words": lambda person: words_of(person.name),
}
"""What a list of those who are people is sorted and searched by, made of the name as it comes, and gone with it."""


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
    sort_key: str | None = None
    words: str | None = None

    @property
    def called(self) -> str | None:
        """As we see them. None once forgotten."""
        return self.name

"""A person at the customer."""

from dataclasses import field
from datetime import datetime
from uuid import UUID

from libs.events import values
from libs.events.entitlements import ContactState
from libs.events.values import Language
from libs.kit.names import Named
from libs.store import Entity, UpdatedAt


class Contact(
    Named,
    Entity,
    table="contacts",
    indexes=(
        ("account_id", "id"),
        ("email", "id"),
        ("sort_key", "id"),
        ("account_id", "sort_key", "id"),
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
    ),
):
    """`authorised`: may accept and sign off for the account."""

    tells = ContactState

    account_id: UUID
    name: str
    email: str | None
    phone: str | None
    language: Language
    authorised: bool
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)

    def facts(self) -> values.Contact:
        """What events say of them."""
        return values.Contact(
            contact_id=self.id,
            revision=self.record_version,
            name=self.name,
            email=self.email,
            phone=self.phone,
            language=self.language,
            authorised=self.authorised,
        )

    def as_state(self) -> ContactState:
        """All that is told of them."""
        return ContactState(
            account_id=self.account_id,
            name=self.name,
            email=self.email,
            phone=self.phone,
            language=self.language,
            authorised=self.authorised,
        )

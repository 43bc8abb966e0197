"""A person at the customer."""

from dataclasses import field
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa

from libs.events import values
from libs.events.entitlements import ContactState
from libs.events.values import Language
from libs.kit.names import Named
from libs.kit.problems import Conflict, Unprocessable
from libs.store import Entity, Transaction, UpdatedAt
from services.entitlements.model.history import Change

State = Literal["active", "left", "erased"]


class ContactHasLeft(Conflict):
    """One leaves once, to one successor; a PATCH of `active` brings back who is here again."""


class ContactForgotten(Conflict):
    """Nothing is kept of who was erased but the id."""


class NoSuccessor(Unprocessable):
    """Who takes over is another active contact of the account."""


def email_key(address: str) -> str:
    """An address as it is looked up: mail goes to one mailbox however it was typed."""
    return address.lower()


class Contact(
    Named,
    Entity,
    table="contacts",
    indexes=(
        ("account_id", "id"),
        ("email_key", "id"),
        ("sort_key", "id"),
        ("account_id", "sort_key", "id"),
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
    ),
):
    """`authorised`: may accept and sign off for the account. `successor_id`: who takes over from one who has left.
    Who was erased (`erased_at`) has no name any more. `email_key` is what an address is looked up by.
    """

    tells = ContactState

    account_id: UUID
    name: str | None
    email: str | None
    phone: str | None
    language: Language
    authorised: bool
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)
    active: Annotated[bool, sa.DefaultClause("true")] = True
    successor_id: UUID | None = None
    erased_at: datetime | None = None
    history: Annotated[list[Change], sa.DefaultClause("[]")] = field(default_factory=list)
    email_key: str | None = field(init=False)

    def __setattr__(self, name: str, value: Any) -> None:
        """Of an address, its key too."""
        super().__setattr__(name, value)
        if name == "email":
            self.__dict__["email_key"] = value and email_key(value)

    @property
    def state(self) -> State:
        if self.erased_at:
            return "erased"
        return "active" if self.active else "left"

    def must_be_kept(self) -> None:
        """Raises ContactForgotten."""
        if self.erased_at:
            raise ContactForgotten(
                "This contact was erased; nothing can be done any more.", state="erased", possible=[]
            )

    def leave(self, successor_id: UUID, *, at: datetime, by: str, reason: str | None) -> bool:
        """Another one takes over. False for one who has left to the same already. Raises ContactHasLeft, ContactForgotten."""
        self.must_be_kept()
        if not self.active and self.successor_id == successor_id:
            return False
        if not self.active:
            raise ContactHasLeft(
                "This contact has left to another; a PATCH of `active` brings them back.",
                state=self.state,
                successor_id=str(self.successor_id),
                possible=[],
            )
        self.active, self.successor_id = False, successor_id
        self.history = [*self.history, Change(state="left", at=at, by=by, reason=reason)]
        return True

    def come_back(self, *, at: datetime, by: str) -> None:
        """Nobody stands in for them any more."""
        self.successor_id = None
        self.history = [*self.history, Change(state="active", at=at, by=by)]

    def erase(self, *, at: datetime, by: str, reason: str) -> None:
        """Nothing is left but the ids, and what was done when and by whom; told as null. Why they left may have named them."""
        self.name = self.email = self.phone = None
        self.language, self.authorised, self.active, self.erased_at = "en", False, False, at
        before = [change.model_copy(update={"reason": None}) for change in self.history]
        self.history = [*before, Change(state="erased", at=at, by=by, reason=reason)]

    def facts(self) -> values.Contact:
        """What events say of them."""
        return values.Contact(
            contact_id=self.id,
            revision=self.record_version,
            language=self.language,
            authorised=self.authorised,
        )

    def as_state(self) -> ContactState | None:
        """All that is told of them; None once erased."""
        if self.erased_at:
            return None
        return ContactState(
            account_id=self.account_id,
            name=self.name or "",
            email=self.email,
            phone=self.phone,
            language=self.language,
            authorised=self.authorised,
            active=self.active,
            successor_id=self.successor_id,
        )


async def whoever_stands_for(contact_id: UUID | None, account_id: UUID, tx: Transaction) -> Contact | None:
    """The contact, or the successor of one who has left, and of that one; None when it ends with nobody of this account."""
    asked = set[UUID]()
    while contact_id and contact_id not in asked:
        asked.add(contact_id)
        contact = await Contact.find(contact_id, tx)
        if contact is None or contact.account_id != account_id:
            return None
        if contact.active:
            return contact
        contact_id = contact.successor_id
    return None

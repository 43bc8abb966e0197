"""Who joins a call: kept by the id of a contact, or as typed where there is none; shown under the name that they have now."""

from collections.abc import Mapping
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel

from libs.events.ecps_calls import CallSide
from services.ecps.model.people import KnownContact

CALLED: dict[CallSide, str] = {"customer": "customer", "support": "Poly+ support"}
"""What a partner reads in the place of a name."""
Unnamed = Literal["pending", "erased"]
"""Why there is no name: the contact is not known here yet, or not any more."""


def unnamed(contact: KnownContact | None) -> Unnamed | None:
    """None for a contact who has a name."""
    if contact is None:
        return "pending"
    return "erased" if contact.gone else None


class CallParticipant(BaseModel):
    """Who joins. Of a contact nothing is kept here but the id; whoever has none stands as typed."""

    side: CallSide
    contact_id: UUID | None = None
    name: str | None = None
    email: str | None = None


class NamedParticipant(CallParticipant):
    """A participant as shown; without a name `state` says why."""

    state: Unnamed | None = None

    @classmethod
    def of(cls, kept: CallParticipant, known: Mapping[UUID, KnownContact]) -> Self:
        """As the contact that it names is known now."""
        if kept.contact_id is None:
            return cls(**kept.model_dump())
        contact = known.get(kept.contact_id)
        name, email = (contact.name, contact.email) if contact else (None, None)
        return cls(side=kept.side, contact_id=kept.contact_id, name=name, email=email, state=unnamed(contact))

    def as_a_side(self) -> Self:
        """As a partner reads it: its own people by name, and which other side joins."""
        if self.side == "partner":
            return self
        return self.model_copy(update={"name": CALLED[self.side], "email": None, "state": None})

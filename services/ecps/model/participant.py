"""Who joins a call: kept by the id of a contact or a person, or as typed where there is none; shown under the name of now."""

from collections.abc import Mapping
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from libs.events.ecps_calls import CallSide
from libs.kit.people import Unnamed, unnamed
from services.ecps.model.people import Known, KnownContact

CALLED: dict[CallSide, str] = {"customer": "customer", "support": "Poly+ support"}
"""What a partner reads in the place of a name."""


class CallParticipant(BaseModel):
    """Who joins. Of a contact, or a person of ours, nothing is kept here but the id; whoever has none stands as typed."""

    side: CallSide
    contact_id: UUID | None = None
    person_id: UUID | None = None
    name: str | None = None
    email: str | None = None

    @property
    def id(self) -> UUID | None:
        """A contact's or a person's."""
        return self.contact_id or self.person_id


class NamedParticipant(CallParticipant):
    """A participant as shown; without a name `state` says why."""

    state: Unnamed | None = None
    attendee: str | None = Field(None, exclude=True)

    @classmethod
    def of(cls, kept: CallParticipant, known: Mapping[UUID, Known]) -> Self:
        """As whom it names is known now. Of our people no address is shown, but in the invitation: `attendee`."""
        if kept.id is None:
            return cls(**kept.model_dump(), attendee=kept.email)
        who = known.get(kept.id)
        return cls(
            side=kept.side,
            contact_id=kept.contact_id,
            person_id=kept.person_id,
            name=who.called if who else None,
            email=who.email if isinstance(who, KnownContact) else None,
            state=unnamed(who),
            attendee=who.email if who else None,
        )

    def as_a_side(self) -> Self:
        """As a partner reads it: its own people by name, and which other side joins."""
        if self.side == "partner":
            return self
        return self.model_copy(update={"name": CALLED[self.side], "email": None, "state": None, "attendee": None})

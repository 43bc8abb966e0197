"""What was said between us and the partner, each once, with its origin."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from libs.events.values import NoteOrigin
from libs.store import Entity
from libs.store.ids import derived

Delivery = Literal["waiting", "sending", "sent", "failed", "by_hand", "received", "echo"]


class EngagementNote(Entity, table="engagement_notes", indexes=("case_id", ("engagement_id", "said_at", "id"))):
    """`id` comes from the note or the partner's event that it tells, so that neither comes through twice.

    An outgoing note carries `marker` in its text: coming back from the partner, it is known again.
    """

    account_id: UUID
    case_id: UUID
    engagement_id: UUID
    direction: Literal["to_partner", "from_partner"]
    origin: NoteOrigin
    author: str
    text: str | None
    partner_event: str | None = None  # their event id
    partner_state: str | None = None
    sequence: int | None = None
    delivery: Delivery
    source_id: UUID | None = None  # our case's note
    said_at: datetime

    @staticmethod
    def id_of_ours(engagement_id: UUID, note_id: UUID) -> UUID:
        return derived(engagement_id, f"note:{note_id}")

    @staticmethod
    def id_of_theirs(engagement_id: UUID, event: str) -> UUID:
        return derived(engagement_id, f"partner-event:{event}")

    @property
    def marker(self) -> str:
        return f"[poly-plus {self.id.hex[:12]}]"

    @property
    def outgoing_text(self) -> str:
        return f"{self.author}: {self.text}\n{self.marker}"

"""What was said between us and the partner, each once, with its origin."""

from datetime import datetime
from typing import Literal, Self
from uuid import UUID

from libs.events.values import NoteOrigin
from libs.store import Entity
from libs.store.ids import derived
from services.ecps.model.engagement import Engagement
from services.ecps.model.news import News

SEND_NOTE = "send_note"
Delivery = Literal["waiting", "sending", "sent", "failed", "held", "by_hand", "received", "echo", "withheld"]
"""Withheld: what it said was taken out, or the matter was taken back, before the partner had it. Held: our credentials were refused, and it
goes out when they are mended."""


class EngagementNote(Entity, table="engagement_notes", indexes=("case_id", ("engagement_id", "said_at", "id"))):
    """`id` is derived from the note or the partner's event that it tells, so that neither comes through twice.

    An outgoing note carries `marker` in its text: when it comes back from the partner, we know it again.
    `author` is a side, never a person: the partner's company, and towards the partner the customer or our support.
    `partner_event` is the id of their event; `source_id` that of our case's note.
    """

    account_id: UUID
    case_id: UUID
    engagement_id: UUID
    direction: Literal["to_partner", "from_partner"]
    origin: NoteOrigin
    author: str
    text: str | None
    partner_event: str | None = None
    partner_state: str | None = None
    sequence: int | None = None
    delivery: Delivery
    source_id: UUID | None = None
    said_at: datetime

    @staticmethod
    def id_of_ours(engagement_id: UUID, note_id: UUID) -> UUID:
        """The id under which a note of the case goes to the partner."""
        return derived(engagement_id, f"note:{note_id}")

    @staticmethod
    def id_of_theirs(engagement_id: UUID, event: str) -> UUID:
        """The id under which an event of the partner's is kept."""
        return derived(engagement_id, f"partner-event:{event}")

    @classmethod
    def to_partner(
        cls,
        engagement: Engagement,
        *,
        id: UUID,
        origin: NoteOrigin,
        text: str,
        at: datetime,
        source_id: UUID | None = None,
    ) -> Self:
        """A note of ours, not sent yet."""
        return cls(
            id=id,
            account_id=engagement.account_id,
            case_id=engagement.case_id,
            engagement_id=engagement.id,
            direction="to_partner",
            origin=origin,
            author="customer" if origin == "customer" else "Poly+ support",
            text=text,
            delivery="waiting",
            source_id=source_id,
            said_at=at,
        )

    @classmethod
    def from_partner(cls, engagement: Engagement, news: News) -> Self:
        """What the partner said; an echo when it is our own words."""
        return cls(
            id=cls.id_of_theirs(engagement.id, news.event),
            account_id=engagement.account_id,
            case_id=engagement.case_id,
            engagement_id=engagement.id,
            direction="from_partner",
            origin="partner",
            author=engagement.partner_name,
            text=news.text,
            partner_event=news.event,
            partner_state=news.status,
            sequence=news.sequence,
            delivery="echo" if news.has_our_marker else "received",
            said_at=news.occurred_at,
        )

    def take_out(self, instead: str | None) -> None:
        """Says this instead. One that the partner does not have yet goes out only with something to say."""
        self.text = instead
        if instead is None and self.delivery in ("waiting", "sending", "held", "by_hand"):
            self.delivery = "withheld"

    @property
    def marker(self) -> str:
        """What tells this note from every other text at the partner's."""
        return f"[poly-plus {self.id.hex[:12]}]"

    @property
    def outgoing_text(self) -> str:
        """The text as the partner reads it: who says it, what, and the marker."""
        return f"{self.author}: {self.text}\n{self.marker}"

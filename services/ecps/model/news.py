"""One thing that a partner said about a ticket, and what it means for our engagement (S8)."""

import re
from typing import Literal

from pydantic import BaseModel

from libs.events.ecps import EngagementState
from libs.events.values import Instant
from libs.store import Transaction
from services.ecps.model.engagement import Engagement, machine

Kind = Literal["status", "note", "information_required", "resolved", "closed"]
_STATES_BY_STATUS: dict[str, EngagementState] = {
    "inprogress": "in_progress",
    "resolved": "resolved",
    "closed": "closed",
    "rejected": "closed",
    "cancelled": "closed",
}
_STATES_BY_KIND: dict[str, EngagementState] = {
    "information_required": "information_required",
    "resolved": "resolved",
    "closed": "closed",
}
_MARKER = re.compile(r"\[poly-plus [0-9a-f]{12}\]")


class News(BaseModel):
    """`event` is the partner's id of it. `sequence` counts up per ticket where their side counts; None: as it came."""

    event: str
    kind: Kind | str
    ticket_number: str | None = None
    status: str | None = None
    text: str | None = None
    occurred_at: Instant
    sequence: int | None = None

    @property
    def has_our_marker(self) -> bool:
        """Whether these are our own words that come back."""
        return bool(_MARKER.search(self.text or ""))

    @property
    def state(self) -> EngagementState | None:
        """The state that it tells, in our words; None for a note, and for a status that we do not know."""
        if self.kind == "status":
            return _STATES_BY_STATUS.get(re.sub(r"[^a-z]", "", (self.status or "").lower()))
        return _STATES_BY_KIND.get(self.kind)

    @property
    def said(self) -> str:
        """The partner's words, or what there is of them."""
        return self.text or self.status or self.kind


def take_over(engagement: Engagement, news: News, tx: Transaction) -> EngagementState | None:
    """Brings the engagement to the state that the news tells: that state, or None where it changes nothing.

    It changes nothing when newer news was heard before, when we do not know the state, or when no way leads there.
    """
    if news.sequence is not None:
        if news.sequence <= engagement.sequence:
            return None
        engagement.sequence = news.sequence
    engagement.partner_state = news.status or engagement.partner_state
    wanted = news.state
    if wanted is None or wanted == engagement.state:
        return wanted
    if engagement.state == "closed" and news.occurred_at < engagement.in_state_since:
        return None
    reason = news.text or f"the partner: {news.status or news.kind}"
    if engagement.state == "opened" and wanted == "information_required":
        engagement.become("in_progress", tx, "the partner has begun: it asks", at=news.occurred_at)
    if wanted not in machine.possible(engagement.state):
        return None
    engagement.become(wanted, tx, reason, at=news.occurred_at)
    return wanted

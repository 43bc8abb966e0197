"""One thing that a partner said about a ticket, and what it means for our engagement (S8)."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple, cast, get_args

from pydantic import BaseModel

from libs.events.ecps import EngagementState
from libs.events.values import Instant
from libs.store import Transaction
from services.ecps.model import engagement as its
from services.ecps.model.engagement import OVER_THERE, Engagement, machine
from services.ecps.model.newest import Told

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
_FURTHEST: Sequence[EngagementState] = get_args(EngagementState)
"""In the order of a ticket's life: of two that were told of the same instant, the later holds."""
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

    def told(self, word: str) -> Told:
        """This word of it, in its place among all that was told."""
        rank = _FURTHEST.index(self.state) if self.state else -1
        return Told(word=word, at=self.occurred_at, sequence=self.sequence, rank=rank)

    @property
    def said(self) -> str:
        """The partner's words, or what there is of them."""
        return self.text or self.status or self.kind


class Change(NamedTuple):
    """The state that the newest news tells. `reopened`: it had been resolved or closed. Not `by_this`: where count and clock of
    their side contradict each other, what was told before may be the newest again."""

    state: EngagementState | None
    reopened: bool = False
    by_this: bool = True


def take_over(engagement: Engagement, news: News, tx: Transaction, *, shared: bool) -> Change:
    """Brings the engagement to the state that the newest of all news tells. No state: this news changes nothing.

    It changes nothing when newer news was heard before, and when we do not know the state. The same news in any order comes to the
    same. Without `shared` (the case has ended, or nobody consents) what is over stays so.
    """
    if news.status:
        engagement.statuses_told = engagement.statuses_told.with_(news.told(news.status))
        newest = engagement.statuses_told.of_all
        engagement.partner_state = newest.word if newest else None
    if news.state is None:
        return Change(None)
    engagement.sequence = max(engagement.sequence, -1 if news.sequence is None else news.sequence)
    before, told = engagement.states_told.of_all, news.told(news.state)
    engagement.states_told = engagement.states_told.with_(told)
    newest = engagement.states_told.of_all
    if newest is None or newest == before:
        return Change(None)
    wanted, by_this = cast("EngagementState", newest.word), newest == told
    if wanted == engagement.state:
        return Change(wanted if by_this else None)
    over = engagement.state in OVER_THERE and wanted != "closed"
    ways = [way for way in ([wanted], ["in_progress", wanted]) if _leads(engagement.state, way)]
    if not ways or (over and not shared):
        return Change(None)
    for state in ways[0]:
        told_now = by_this and state == wanted
        said = news.text or f"the partner: {news.status or news.kind}"
        reason = said if told_now else "the partner works on it"
        engagement.become(state, tx, reason, at=news.occurred_at)
    if over:
        engagement.forget_resolution()
    return Change(wanted, over, by_this)


def _leads(state: its.EngagementState, way: Sequence[its.EngagementState]) -> bool:
    return all(to in machine.possible(at) for at, to in pairwise([state, *way]))

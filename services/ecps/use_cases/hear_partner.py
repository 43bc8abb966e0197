"""What the partner tells: recorded once, its state taken over where it is news, relayed to the customer (S8)."""

import re
from typing import Literal

from pydantic import BaseModel

from libs.events.ecps import (
    EngagementState,
    PartnerInformationRequired,
    PartnerTicketClosed,
    PartnerTicketResolved,
    PartnerTicketUpdated,
)
from libs.events.values import Instant
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import ENDED, Engagement, machine
from services.ecps.model.engagement_note import EngagementNote
from services.ecps.model.partner import Partner
from services.ecps.use_cases.await_partner import await_answer
from services.ecps.use_cases.consider import consider
from services.ecps.use_cases.record_ticket import record_ticket

Kind = Literal["status", "note", "information_required", "resolved", "closed"]
_STATES: dict[str, EngagementState] = {
    "inprogress": "in_progress", "resolved": "resolved", "closed": "closed", "rejected": "closed", "cancelled": "closed",
}  # fmt: skip
_BY_KIND: dict[str, EngagementState] = {
    "information_required": "information_required", "resolved": "resolved", "closed": "closed",
}  # fmt: skip
_MARKER = re.compile(r"\[poly-plus [0-9a-f]{12}\]")


class News(BaseModel):
    """One thing the partner said. `sequence` counts per ticket where their side counts; None: as it came."""

    event: str
    kind: Kind | str
    ticket_number: str | None = None
    status: str | None = None
    text: str | None = None
    author: str | None = None
    occurred_at: Instant
    sequence: int | None = None


async def hear(engagement: Engagement, news: News, tx: Transaction) -> bool:
    """For a locked engagement; False for what was heard before."""
    id = EngagementNote.id_of_theirs(engagement.id, news.event)
    if await EngagementNote.find(id, tx):
        return False
    note = EngagementNote(
        id=id, account_id=engagement.account_id, case_id=engagement.case_id, engagement_id=engagement.id,
        direction="from_partner", origin="partner", author=news.author or engagement.partner_name, text=news.text,
        partner_event=news.event, partner_state=news.status, sequence=news.sequence, delivery="received",
        said_at=news.occurred_at,
    )  # fmt: skip
    if _MARKER.search(news.text or ""):
        note.delivery = "echo"  # our own words come back
    tx.add(note)
    case, partner = await CaseFile.get(engagement.case_id, tx), await Partner.get(engagement.partner_id, tx)
    await _adopt(engagement, news, case, partner, tx)
    if note.delivery == "echo" or engagement.ticket_number is None:
        return True
    engagement.heard(news.occurred_at)
    state = _move(engagement, news, tx)
    _relay(engagement, news, note, state, tx)
    if engagement.state not in ENDED:
        await_answer(engagement, case, partner, tx, since=news.occurred_at)
    else:
        tx.cancel_timer(engagement, "silent")
    return True


async def _adopt(engagement: Engagement, news: News, case: CaseFile, partner: Partner, tx: Transaction) -> None:
    """They talk of a ticket under our reference whose opening we do not know of yet: so there is one."""
    if engagement.ticket_number is None and news.ticket_number:
        if engagement.state in ("submitting", "outcome_unknown", "withdrawn"):
            await record_ticket(engagement, {"number": news.ticket_number, "status": news.status}, tx)
        elif engagement.state == "not_openable" and engagement.reason == "unreachable":
            await consider(engagement, case, partner, tx, again=True, known=news.ticket_number)


def _move(engagement: Engagement, news: News, tx: Transaction) -> EngagementState | None:
    """The state that the news brings; None where it is old, unknown to us, or no way leads there."""
    if news.sequence is not None:
        if news.sequence <= engagement.sequence:
            return None
        engagement.sequence = news.sequence
    engagement.partner_state = news.status or engagement.partner_state
    wanted = _BY_KIND.get(news.kind)
    if wanted is None and news.kind == "status":
        wanted = _STATES.get(re.sub(r"[^a-z]", "", (news.status or "").lower()))
    if wanted is None or (wanted != engagement.state and wanted not in machine.possible(engagement.state)):
        return None
    if wanted != engagement.state:
        engagement.to(wanted, tx, news.text or f"the partner: {news.status or news.kind}", at=news.occurred_at)
    return wanted


def _relay(
    engagement: Engagement, news: News, note: EngagementNote, state: EngagementState | None, tx: Transaction
) -> None:
    assert engagement.ticket_number is not None
    ids, name, ticket = engagement.ids, engagement.partner_name, engagement.ticket_number
    said = news.text or news.status or news.kind
    match state:
        case "information_required":
            tx.emit(
                PartnerInformationRequired(
                    **ids, update_id=note.id, partner_name=name, ticket_number=ticket, needed=said,
                    required_at=news.occurred_at,
                )
            )  # fmt: skip
        case "resolved":
            engagement.resolution = said
            if engagement.opened_at:
                seconds = int((news.occurred_at - engagement.opened_at).total_seconds())
                engagement.partner_resolution_seconds = max(0, seconds)
            tx.emit(
                PartnerTicketResolved(
                    **ids, partner_name=name, ticket_number=ticket, resolution=said,
                    partner_response_seconds=engagement.partner_response_seconds,
                    partner_resolution_seconds=engagement.partner_resolution_seconds, resolved_at=news.occurred_at,
                )
            )  # fmt: skip
        case "closed":
            tx.emit(PartnerTicketClosed(**ids, ticket_number=ticket, reason=said, closed_at=news.occurred_at))
        case _:
            tx.emit(
                PartnerTicketUpdated(
                    **ids, update_id=note.id, partner_name=name, ticket_number=ticket, state=state,
                    partner_state=news.status, text=news.text, author=note.author, occurred_at=news.occurred_at,
                )
            )  # fmt: skip

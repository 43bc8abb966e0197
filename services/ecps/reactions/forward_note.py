"""What is said on the case goes to the partner too, once, and never back to where it came from (S8)."""

from libs.events.cases_work import NoteAdded
from libs.events.ecps import PartnerTicketUpdated
from libs.kit.case_files import case_file
from libs.store import Transaction
from services.ecps.model.case_file import CaseFile
from services.ecps.model.engagement import ENDED, Engagement
from services.ecps.model.engagement_note import EngagementNote
from services.ecps.model.partner import Partner
from services.ecps.reactions.await_partner import await_answer
from services.ecps.reactions.send_note import send

_NOT_OURS = ("partner", "system")


async def forward_note(event: NoteAdded, tx: Transaction) -> None:
    """Sends it to every partner who works on the case. A note that tells a foreign fact again (`source_id`) is not ours to send,
    and one that was taken out is nothing to send."""
    if event.origin in _NOT_OURS or event.source_id is not None:
        return
    case = await case_file(CaseFile, event.case_id, tx)
    told = case.kept(event)
    if tx.rebuilding or not told.text:
        return
    for diagnosis_id in sorted(case.diagnoses):
        engagement = await Engagement.find(Engagement.id_for(diagnosis_id), tx, lock=True)
        if engagement is None or engagement.state in ENDED or engagement.asked_at > event.added_at:
            continue
        if not case.shares_with(engagement.partner_id):
            continue
        partner = await Partner.find(engagement.partner_id, tx)
        id = EngagementNote.id_of_ours(engagement.id, event.note_id)
        if partner is None or await EngagementNote.find(id, tx):
            continue
        note = EngagementNote.to_partner(
            engagement,
            id=id,
            origin=event.origin,
            text=told.text,
            at=event.added_at,
            source_id=event.note_id,
        )
        send(note, engagement, partner, tx)
        if event.origin == "customer":
            go_on(engagement, note, tx)
        await_answer(engagement, case, partner, tx, since=event.added_at)


def go_on(engagement: Engagement, note: EngagementNote, tx: Transaction) -> None:
    """The partner was told what it wanted to know: it is their turn. Does nothing when they had asked for nothing."""
    if engagement.state != "information_required":
        return
    engagement.become("in_progress", tx, "what the partner wanted to know was told", at=note.said_at)
    tx.emit(
        PartnerTicketUpdated(
            **engagement.ticket_facts(),
            update_id=note.id,
            state="in_progress",
            partner_state=engagement.partner_state,
            occurred_at=note.said_at,
        )
    )

"""What is said on the case goes to the partner too, once, and never back to where it came from (S8)."""

from uuid import UUID

from libs.events.cases_work import NoteAdded
from libs.events.ecps import PartnerTicketUpdated
from libs.kit.auth import ENGINEERS
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from libs.store.ids import new_id
from services.ecps.model.case_file import CaseFile, case_file_of
from services.ecps.model.engagement import ENDED, Engagement
from services.ecps.model.engagement_note import EngagementNote
from services.ecps.model.partner import Partner
from services.ecps.queries.engagements import NoteOut, engagement_for
from services.ecps.use_cases.await_partner import await_answer
from services.ecps.use_cases.send_note import send

router = Router(tags=["partner engagements"])
_NOT_OURS = ("partner", "system")


class TellPartner(Command):
    text: Text


async def forward_note(event: NoteAdded, tx: Transaction) -> None:
    """A note that tells a foreign fact again (`source_id`) is not ours to send."""
    if event.origin in _NOT_OURS or event.source_id is not None:
        return
    case = await case_file_of(event.case_id, tx)
    if tx.rebuilding:
        return
    for diagnosis_id in sorted(case.diagnoses):
        engagement = await Engagement.find(Engagement.id_for(diagnosis_id), tx, lock=True)
        if engagement is None or engagement.state in ENDED or engagement.asked_at > event.added_at:
            continue
        partner = await Partner.find(engagement.partner_id, tx)
        id = EngagementNote.id_of_ours(engagement.id, event.note_id)
        if partner is None or await EngagementNote.find(id, tx):
            continue
        note = EngagementNote(
            id=id, account_id=engagement.account_id, case_id=case.id, engagement_id=engagement.id, direction="to_partner",
            origin=event.origin, author=event.author_name, text=event.text, delivery="waiting", source_id=event.note_id,
            said_at=event.added_at,
        )  # fmt: skip
        send(note, engagement, partner, tx)
        if event.origin == "customer":
            _answered(engagement, note, tx)
        await_answer(engagement, case, partner, tx, since=event.added_at)


def _answered(engagement: Engagement, note: EngagementNote, tx: Transaction) -> None:
    """What they wanted to know was told: it is their turn."""
    if engagement.state != "information_required" or engagement.ticket_number is None:
        return
    engagement.to("in_progress", tx, "what the partner wanted to know was told", at=note.said_at)
    tx.emit(
        PartnerTicketUpdated(
            **engagement.ids, update_id=note.id, partner_name=engagement.partner_name, ticket_number=engagement.ticket_number,
            state="in_progress", partner_state=engagement.partner_state, occurred_at=note.said_at,
        )
    )  # fmt: skip


@router.post(
    "/v1/partner-engagements/{engagement_id}/notes",
    dependencies=[allow(*ENGINEERS)],
    status_code=201,
)
async def tell_partner_route(engagement_id: UUID, cmd: TellPartner, tx: Tx, caller: Caller) -> NoteOut:
    """For the partner alone; what the customer shall read as well is a note on the case."""
    engagement = await engagement_for(caller, engagement_id, tx, lock=True)
    case = await CaseFile.get(engagement.case_id, tx)
    case.takes_commands()
    engagement.with_partner()
    partner = await Partner.get(engagement.partner_id, tx)
    note = EngagementNote(
        id=new_id(), account_id=engagement.account_id, case_id=engagement.case_id, engagement_id=engagement.id,
        direction="to_partner", origin="support", author=caller.name, text=cmd.text, delivery="waiting", said_at=tx.now,
    )  # fmt: skip
    send(note, engagement, partner, tx)
    _answered(engagement, note, tx)
    await_answer(engagement, case, partner, tx, since=tx.now)
    return NoteOut.model_validate(note)

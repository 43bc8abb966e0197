"""Tell the partner alone something, as an engineer (S8)."""

from uuid import UUID

from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store.ids import new_id
from services.ecps.model.engagement_note import EngagementNote
from services.ecps.model.partner import Partner
from services.ecps.queries.access import COMMANDS
from services.ecps.queries.engagements import NoteOut, engagement_for
from services.ecps.reactions.await_partner import await_answer
from services.ecps.reactions.forward_note import go_on
from services.ecps.reactions.send_note import send

router = Router(tags=["partner engagements"])


class TellPartner(Command):
    text: Text


@router.post(
    "/v1/partner-engagements/{engagement_id}/notes",
    dependencies=[allow(*COMMANDS.roles("notes"))],
    status_code=201,
)
async def tell_partner_route(engagement_id: UUID, cmd: TellPartner, tx: Tx, caller: Caller) -> NoteOut:
    """For the partner alone; what the customer is to read as well is a note on the case."""
    engagement, case = await engagement_for(caller, engagement_id, tx, "notes")
    partner = await Partner.get(engagement.partner_id, tx)
    note = EngagementNote.to_partner(engagement, id=new_id(), origin="support", text=cmd.text, at=tx.now)
    send(note, engagement, partner, tx)
    go_on(engagement, note, tx)
    await_answer(engagement, case, partner, tx, since=tx.now)
    return NoteOut.model_validate(note)

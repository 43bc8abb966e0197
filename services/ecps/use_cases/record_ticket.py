"""Record the number of a ticket that an engineer opened or found at the partner's."""

from uuid import UUID

from libs.kit.fields import Line, Url
from libs.kit.http import Caller, Command, Router, Tx, allow
from services.ecps.model.engagement import TicketTaken, engagement_with_ticket
from services.ecps.queries.access import COMMANDS
from services.ecps.queries.engagements import EngagementOut, engagement_for
from services.ecps.reactions.record_opening import record_ticket

router = Router(tags=["partner engagements"])


class RecordTicket(Command):
    ticket_number: Line
    ticket_url: Url | None = None


@router.post("/v1/partner-engagements/{engagement_id}/ticket", dependencies=[allow(*COMMANDS.roles("ticket"))])
async def record_ticket_route(engagement_id: UUID, cmd: RecordTicket, tx: Tx, caller: Caller) -> EngagementOut:
    """The engineer opened the ticket by hand (manual connector), or found it while the outcome was unknown."""
    its = await engagement_for(caller, engagement_id, tx, "ticket")
    if await engagement_with_ticket(its.engagement.partner_id, cmd.ticket_number, tx):
        raise TicketTaken("That ticket stands for another engagement.", ticket_number=cmd.ticket_number)
    await record_ticket(its.engagement, {"number": cmd.ticket_number, "url": cmd.ticket_url}, tx)
    return EngagementOut.of(its, caller)

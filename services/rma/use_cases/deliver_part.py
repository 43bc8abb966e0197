"""Somebody saw the part at the destination and records it by hand."""

from uuid import UUID

from libs.events.values import Instant
from libs.kit.fields import Line
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.people import KnownContact
from services.rma.model.rma import NotInOrder, Rma
from services.rma.model.steps import Deliver
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.act_on import go_on
from services.rma.reactions.record_delivery import record_delivery

router = Router(tags=["rmas"])


class DeliverPart(Command):
    """When it was handed over (now, unless told) and to whom."""

    delivered_at: Instant | None = None
    received_by: Line | None = None


async def deliver_part(rma: Rma, cmd: DeliverPart, case: CaseFile, tx: Transaction) -> None:
    """Recorded also on a cancelled case: the parcel was under way. Raises NotInOrder."""
    at = cmd.delivered_at or tx.now
    if at > tx.now or (rma.shipped_at and at < rma.shipped_at):
        raise NotInOrder(f"A delivery lies between the shipment and now, {tx.now.isoformat()}.")
    contact = await KnownContact.find(rma.contact.contact_id, tx) if rma.contact else None
    # most likely they took it themselves: of who is forgotten no name is written down anew
    received_by = None if contact and contact.gone else cmd.received_by
    await record_delivery(rma, Deliver(at, received_by), tx)
    await go_on(rma, case, tx)


@router.post("/v1/rmas/{rma_id}/deliver", dependencies=[allow(*COMMANDS.roles("deliver"))])
async def deliver_part_route(rma_id: UUID, cmd: DeliverPart, tx: Tx, caller: Caller) -> RmaOut:
    """The part is at the destination. Recorded also on a cancelled case: the parcel was under way."""
    its = await rma_for(caller, rma_id, tx, "deliver")
    await deliver_part(its.rma, cmd, its.case, tx)
    return RmaOut.of(its, caller)

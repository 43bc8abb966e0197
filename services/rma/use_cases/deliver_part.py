"""The part is at the destination: told by the carrier, by hand, or by the technician who installs it."""

from datetime import datetime, timedelta
from uuid import UUID

from libs.events.rma import PartDelivered
from libs.events.values import Instant
from libs.kit.fields import Line
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.case_file import CaseFile
from services.rma.model.rma import NotInOrder, Rma, outbound_machine
from services.rma.queries.rmas import RmaOut, rma_seen_by
from services.rma.reactions.await_return import open_return_window, return_policy

router = Router(tags=["rmas"])


class DeliverPart(Command):
    """When it was handed over (now, unless told) and to whom."""

    delivered_at: Instant | None = None
    received_by: Line | None = None


async def deliver_part(rma: Rma, at: datetime, received_by: str | None, tx: Transaction) -> None:
    """Raises ForbiddenTransition unless it is under way."""
    rma.deliver(at, received_by, tx)
    assert rma.contract_due
    assert rma.contract_ends_at
    for timer in ("contract_due", "forecast:carrier_late"):
        tx.cancel_timer(rma, timer)
    tx.set_timer(rma, "close", at + timedelta(days=(await return_policy(rma, tx)).close_days_after_delivery))
    tx.emit(
        PartDelivered(
            **rma.ids,
            part_number=rma.sent_part,
            serial=rma.shipped_serial,
            tracking=rma.tracking,
            received_by=received_by,
            contract_due=rma.contract_due,
            in_time=at < rma.contract_ends_at,
            onsite=rma.onsite,
            delivered_at=at,
        )
    )
    await open_return_window(rma, await CaseFile.find(rma.case_id, tx), tx)


@router.post("/v1/rmas/{rma_id}/deliver", dependencies=[allow("depot", "engineer", "manager")])
async def deliver_part_route(rma_id: UUID, cmd: DeliverPart, tx: Tx, caller: Caller) -> RmaOut:
    """Recorded also on a cancelled case: the parcel was under way."""
    rma = await rma_seen_by(caller, rma_id, tx, lock=True)
    outbound_machine.check(rma.state, "delivered")
    at = cmd.delivered_at or tx.now
    if at > tx.now or (rma.shipped_at and at < rma.shipped_at):
        raise NotInOrder(f"A delivery lies between the shipment and now, {tx.now.isoformat()}.")
    await deliver_part(rma, at, cmd.received_by, tx)
    return RmaOut.of(rma)

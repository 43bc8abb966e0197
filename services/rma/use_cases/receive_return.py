"""A returned unit is in the depot: its serial is captured. What it is, and what becomes of a charge for it, the inspection says."""

from uuid import UUID

from libs.events.rma_returns import DefectiveReceived
from libs.kit.fields import Serial, Word
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.rma import NoDestination, Rma
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.await_return import stop_waiting
from services.rma.reactions.capture_serial import capture_serial

router = Router(tags=["rmas"])


class ReceiveReturn(Command):
    """Serial and part number as scanned. A part that carries a serial waits for it before it can be accepted."""

    serial: Serial | None = None
    part_number: Word | None = None


async def receive_return(rma: Rma, cmd: ReceiveReturn, tx: Transaction) -> None:
    """Whether or not a carrier told of it, and also when it is long overdue. Raises NoDestination."""
    return_leg.receive(rma, cmd.serial, cmd.part_number, tx)
    stop_waiting(rma, tx)
    if rma.depot_id is None:
        raise NoDestination("Nothing was ever sent for this RMA.")
    await capture_serial(rma, tx)
    tx.emit(
        DefectiveReceived(
            **rma.ids,
            depot_id=rma.depot_id,
            part_number=rma.received_part or rma.sent_part,
            serial=cmd.serial,
            expected_serial=rma.return_serial,
            by=tx.scope.actor,
            received_at=tx.now,
        )
    )


@router.post("/v1/rmas/{rma_id}/receive", dependencies=[allow(*COMMANDS.roles("receive"))])
async def receive_return_route(rma_id: UUID, cmd: ReceiveReturn, tx: Tx, caller: Caller) -> RmaOut:
    """What comes back is in the depot, also when no carrier told of it or it is long overdue."""
    its = await rma_for(caller, rma_id, tx, "receive")
    await receive_return(its.rma, cmd, tx)
    return RmaOut.of(its, caller)

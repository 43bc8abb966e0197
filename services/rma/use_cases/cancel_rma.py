"""Stop an RMA by hand, before anything has left the depot."""

from uuid import UUID

from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model.rma import Rma
from services.rma.model.steps import Cancel
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.stop_rma import stop_rma

router = Router(tags=["rmas"])


class CancelRma(Command):
    """Why nothing is to be sent."""

    reason: Reason


async def cancel_rma(rma: Rma, cmd: CancelRma, tx: Transaction) -> None:
    """What was kept goes to whoever waits for it."""
    await stop_rma(rma, Cancel(cmd.reason), tx)


@router.post("/v1/rmas/{rma_id}/cancel", dependencies=[allow(*COMMANDS.roles("cancel"))])
async def cancel_rma_route(rma_id: UUID, cmd: CancelRma, tx: Tx, caller: Caller) -> RmaOut:
    """Stops the RMA before anything has left; what was kept goes to whoever waits for it."""
    its = await rma_for(caller, rma_id, tx, "cancel")
    await cancel_rma(its.rma, cmd, tx)
    return RmaOut.of(its, caller)

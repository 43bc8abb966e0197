"""The customer says that a charge is not owed."""

from uuid import UUID

from libs.events.rma_returns import InvoiceDisputed
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model import charge
from services.rma.model.rma import Rma
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for

router = Router(tags=["rmas"])


class DisputeInvoice(Command):
    """Why the charge is not owed."""

    reason: Reason


def dispute_invoice(rma: Rma, cmd: DisputeInvoice, tx: Transaction) -> None:
    """Nobody is told of the charge until the depot inspects what came back, or a manager decides. Raises ForbiddenTransition."""
    invoice = charge.dispute(rma, tx, cmd.reason)
    tx.emit(
        InvoiceDisputed(
            **rma.ids,
            invoice_number=invoice.number,
            amount=invoice.amount,
            reason=cmd.reason,
            by=tx.scope.actor,
            disputed_at=tx.now,
        )
    )


@router.post("/v1/rmas/{rma_id}/dispute", dependencies=[allow(*COMMANDS.roles("dispute"))])
async def dispute_invoice_route(rma_id: UUID, cmd: DisputeInvoice, tx: Tx, caller: Caller) -> RmaOut:
    """The charge is not owed, says the customer; it is not exported until that is decided."""
    its = await rma_for(caller, rma_id, tx, "dispute")
    dispute_invoice(its.rma, cmd, tx)
    return RmaOut.of(its, caller)

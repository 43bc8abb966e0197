"""A manager takes a charge for a missing return off, or waives it before it is written."""

from typing import Literal
from uuid import UUID

from libs.events.rma_returns import InvoiceSettled
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model import return_leg
from services.rma.model.rma import Rma
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.await_return import stop_waiting
from services.rma.reactions.close_rma import close_if_over

router = Router(tags=["rmas"])


class SettleInvoice(Command):
    """How the charge ends, and why."""

    outcome: Literal["credited", "waived"]
    reason: Reason


async def settle_invoice(rma: Rma, cmd: SettleInvoice, tx: Transaction) -> None:
    """Raises NothingToSettle."""
    invoice = return_leg.settle(rma, cmd.outcome, tx, cmd.reason)
    stop_waiting(rma, tx)
    tx.emit(
        InvoiceSettled(
            **rma.ids,
            outcome=cmd.outcome,
            invoice_number=invoice.number if invoice else None,
            amount=invoice.amount if invoice else None,
            reason=cmd.reason,
            by=tx.scope.actor,
            settled_at=tx.now,
        )
    )
    await close_if_over(rma, tx)


@router.post("/v1/rmas/{rma_id}/settle", dependencies=[allow(*COMMANDS.roles("settle"))])
async def settle_invoice_route(rma_id: UUID, cmd: SettleInvoice, tx: Tx, caller: Caller) -> RmaOut:
    """Takes the charge for a missing return off, or waives it before it is written."""
    its = await rma_for(caller, rma_id, tx, "settle")
    await settle_invoice(its.rma, cmd, tx)
    return RmaOut.of(its, caller)

"""A manager takes a charge off, waives it before it is written, or lets a disputed one stand."""

from typing import Literal
from uuid import UUID

from libs.events.rma_returns import InvoiceSettled
from libs.kit.fields import Reason
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.rma.model import charge, return_leg
from services.rma.model.charge import NothingToSettle
from services.rma.model.rma import Rma
from services.rma.queries.access import COMMANDS
from services.rma.queries.rmas import RmaOut, rma_for
from services.rma.reactions.await_return import stop_waiting
from services.rma.reactions.close_rma import close_if_over
from services.rma.reactions.credit_charge import uphold_charge

router = Router(tags=["rmas"])


class SettleInvoice(Command):
    """How the charge ends, or that a disputed one stands (`upheld`), and why."""

    outcome: Literal["credited", "waived", "upheld"]
    reason: Reason


async def settle_invoice(rma: Rma, cmd: SettleInvoice, tx: Transaction) -> None:
    """What is on its way back or still in time is awaited as before. Raises NothingToSettle, NotDisputed."""
    if cmd.outcome == "upheld":
        uphold_charge(rma, tx, cmd.reason)
        return
    if cmd.outcome == "credited" and rma.charge == "none":
        raise NothingToSettle("Nothing was invoiced; waive it instead.", state=rma.charge, possible=["waived"])
    invoice = charge.take_off(rma, cmd.outcome, tx, cmd.reason)
    if return_leg.give_up(rma, tx, cmd.reason):
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
    """Takes the charge off, waives it before it is written, or lets a disputed one stand."""
    its = await rma_for(caller, rma_id, tx, "settle")
    await settle_invoice(its.rma, cmd, tx)
    return RmaOut.of(its, caller)

"""Take an open charge off, because what it was for came after all."""

from libs.events.rma_returns import InvoiceSettled
from libs.store import Transaction
from services.rma.model.rma import Rma


def credit_charge(rma: Rma, tx: Transaction) -> None:
    """Does nothing where nothing is charged, or where the charge was settled before."""
    if rma.invoice is None or rma.invoice.settled:
        return
    rma.invoice = rma.invoice.model_copy(update={"settled": "credited"})
    tx.emit(
        InvoiceSettled(
            **rma.ids,
            outcome="credited",
            invoice_number=rma.invoice.number,
            amount=rma.invoice.amount,
            reason="the unit came back after it was invoiced",
            by=tx.scope.actor,
            settled_at=tx.now,
        )
    )

"""What an inspection makes of a charge: it is off because what it was for came after all, or a disputed one stands."""

from libs.events.rma_returns import InvoiceSettled, InvoiceUpheld
from libs.store import Transaction
from services.rma.model import charge
from services.rma.model.rma import Rma


def credit_charge(rma: Rma, tx: Transaction) -> None:
    """Does nothing where nothing is charged, or where the charge was settled before."""
    reason = "the unit came back after it was invoiced"
    invoice = charge.take_off(rma, "credited", tx, reason)
    if invoice is None:
        return
    tx.emit(
        InvoiceSettled(
            **rma.ids,
            outcome="credited",
            invoice_number=invoice.number,
            amount=invoice.amount,
            reason=reason,
            by=tx.scope.actor,
            settled_at=tx.now,
        )
    )


def uphold_charge(rma: Rma, tx: Transaction, reason: str) -> None:
    """A disputed charge stands, and the ERP is told of it again. Raises ForbiddenTransition for one that is not disputed."""
    invoice = charge.uphold(rma, tx, reason)
    tx.emit(
        InvoiceUpheld(
            **rma.ids,
            invoice_number=invoice.number,
            amount=invoice.amount,
            reason=reason,
            by=tx.scope.actor,
            upheld_at=tx.now,
        )
    )

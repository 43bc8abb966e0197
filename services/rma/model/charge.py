"""The charge of an RMA: written at most once, and taken off at most once. What comes back and when is the return's matter."""

from libs.kit.problems import Conflict
from libs.kit.states import StateMachine
from libs.store import Transaction
from services.rma.model.return_leg import return_machine
from services.rma.model.rma import Rma
from services.rma.model.rma_values import ChargeState, Invoice

charge_machine: StateMachine[ChargeState] = StateMachine(
    "The charge",
    {
        "none": {"invoiced"},
        "invoiced": {"disputed", "credited", "waived"},
        "disputed": {"invoiced", "credited", "waived"},
    },
    initial="none",
)
OPEN: frozenset[ChargeState] = frozenset({"invoiced", "disputed"})
"""It is owed, or said not to be."""


class NothingToSettle(Conflict):
    title = "There is no charge to settle"


class NotDisputed(Conflict):
    title = "The charge is not disputed"


def become(rma: Rma, state: ChargeState, tx: Transaction, reason: str) -> None:
    """Raises ForbiddenTransition."""
    charge_machine.check(rma.charge, state)
    rma.charge = state
    rma.record("charge", state, tx, reason)


def write(rma: Rma, invoice: Invoice, tx: Transaction) -> Invoice:
    """Raises ForbiddenTransition for a second one."""
    become(rma, "invoiced", tx, invoice.number)
    rma.invoice = invoice
    return invoice


def take_off(rma: Rma, outcome: str, tx: Transaction, reason: str) -> Invoice | None:
    """Credits or waives the charge. None where it was never written or is off already."""
    if rma.invoice is None or rma.charge not in OPEN:
        return None
    become(rma, "credited" if outcome == "credited" else "waived", tx, reason)
    rma.invoice = rma.invoice.model_copy(update={"settled": outcome})
    return rma.invoice


def dispute(rma: Rma, tx: Transaction, reason: str) -> Invoice:
    """Raises ForbiddenTransition unless a charge stands."""
    become(rma, "disputed", tx, reason)
    return _written(rma)


def uphold(rma: Rma, tx: Transaction, reason: str) -> Invoice:
    """Raises NotDisputed."""
    if rma.charge != "disputed":
        raise NotDisputed(f"The charge is {rma.charge}; nothing is to be decided.", state=rma.charge, possible=[])
    become(rma, "invoiced", tx, reason)
    return _written(rma)


def _written(rma: Rma) -> Invoice:
    if rma.invoice is None:
        raise RuntimeError(f"{rma.number}: the charge is {rma.charge} and no invoice is there.")
    return rma.invoice


def must_be_settleable(rma: Rma) -> None:
    """A charge that stands, or one that would be written next. Raises NothingToSettle, ForbiddenTransition."""
    if rma.charge == "none":
        return_machine.check(rma.return_state, "waived")
    elif rma.charge not in OPEN:
        raise NothingToSettle(f"The charge was {rma.charge}.", state=rma.charge, possible=[])

"""Who let the contract's date pass: who moved the promise beyond it."""

from typing import Literal

from services.rma.model.rma import Rma
from services.rma.model.rma_values import PromiseCause

Blame = Literal["carrier", "depot", "stock", "customer", "customs", "calendar"]

_MOVED_BY: dict[PromiseCause, Blame] = {
    "ship_cut_off": "depot",
    "shipped": "depot",
    "network": "depot",
    "carrier_late": "carrier",
    "carrier_eta": "carrier",
    "delayed": "carrier",
    "attempted": "customer",
    "customs": "customs",
    "calendar": "calendar",
    "address": "customer",
}


def blame(rma: Rma) -> Blame:
    """For an RMA whose contract's date has passed undelivered."""
    if rma.state == "refused":
        return "customer"
    if rma.promise is None:
        return "stock"
    due, before, moved = rma.grant.due, None, None
    for made in rma.promises:
        if made.promised > due and (before is None or before <= due):
            moved = made.cause
        before = made.promised
    if moved is None:
        return "carrier" if rma.has_shipped else "depot"
    # no depot could keep the date from the beginning
    closed = any(reason.code.endswith("_holiday") for reason in rma.promise.reasons)
    return _MOVED_BY.get(moved) or ("calendar" if closed and not rma.was("backordered") else "stock")

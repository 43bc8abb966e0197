"""The part is lost, refused at the destination, or dead on arrival; or the lost one turns up after all."""

from datetime import datetime

from libs.events.rma import PartDeadOnArrival, PartLost, PartRefused
from libs.store import Transaction
from libs.store.ids import derived
from services.rma.model import return_leg
from services.rma.model.rma import CLOSE, CONTRACT_DUE, FORECAST_CARRIER_LATE, NotInstallable, Rma
from services.rma.reactions.order_labels import order_return_label

_REFUSED = "refused at the destination"


def record_loss(rma: Rma, reason: str, at: datetime, tx: Transaction, *, again: bool) -> None:
    """`again`: another one will be sent; the defective part stays where it is and is the new RMA's matter.

    Raises ForbiddenTransition.
    """
    rma.become("lost", tx, reason, at=at)
    _stop_forecasts(rma, tx)
    tx.emit(
        PartLost(
            **rma.ids,
            tracking=rma.tracking,
            replaced_by_rma_id=derived(rma.id, "rma") if again else None,
            reason=reason,
            lost_at=at,
        )
    )
    return_leg.expect_nothing(rma, tx, "the replacement was lost")


def record_dead_on_arrival(rma: Rma, symptom: str, at: datetime, tx: Transaction, *, again: bool) -> None:
    """The dead part takes this RMA's way back; `again`: another one will be sent, and awaits the defective part.

    Raises ForbiddenTransition, NotInstallable.
    """
    if rma.installation:
        raise NotInstallable(
            "The part was confirmed to work; a fault that comes later needs a new diagnosis.", state=rma.state
        )
    rma.become("dead_on_arrival", tx, symptom, at=at)
    _stop_forecasts(rma, tx)
    tx.emit(
        PartDeadOnArrival(
            **rma.ids,
            part_number=rma.sent_part,
            serial=rma.shipped_serial,
            replaced_by_rma_id=derived(rma.id, "rma") if again else None,
            symptom=symptom,
            by=tx.scope.actor,
            reported_at=at,
        )
    )
    if rma.return_state == "awaiting_return":
        rma.window = None


def record_refusal(rma: Rma, at: datetime, tx: Transaction) -> None:
    """The carrier brings the parcel back. Raises ForbiddenTransition."""
    rma.become("refused", tx, _REFUSED, at=at)
    for timer in (CONTRACT_DUE, FORECAST_CARRIER_LATE):
        tx.cancel_timer(rma, timer)
    tx.emit(PartRefused(**rma.ids, reason=_REFUSED, refused_at=at))
    return_leg.expect_the_replacement(rma, tx, _REFUSED)
    return_leg.hand_over(rma, tx, "the carrier brings it back", at=at)


async def record_find(rma: Rma, at: datetime, tx: Transaction) -> None:
    """The lost parcel arrived, and another one is on its way: this one is wanted back, and the RMA open until it is."""
    rma.delivered_at = at
    if return_leg.expect_the_replacement(rma, tx, "found by the carrier after it was replaced"):
        rma.closed_at = None
        await order_return_label(rma, tx)


def _stop_forecasts(rma: Rma, tx: Transaction) -> None:
    for timer in (CONTRACT_DUE, FORECAST_CARRIER_LATE, CLOSE):
        tx.cancel_timer(rma, timer)

"""The part is lost, refused at the destination, or dead on arrival; or the lost one turns up after all."""

from libs.events.rma import PartDeadOnArrival, PartLost, PartRefused
from libs.store import Transaction
from libs.store.ids import derived
from services.rma.model import return_leg
from services.rma.model.custody import note_hand
from services.rma.model.rma import CLOSE, CONTRACT_DUE, FORECAST_CARRIER_LATE, Rma
from services.rma.model.steps import FindDead, Lose, Refuse, TurnUp
from services.rma.reactions.order_labels import order_return_label


async def record_loss(rma: Rma, step: Lose, tx: Transaction) -> None:
    """The defective part stays where it is, and is the new RMA's matter where another one will be sent.

    Raises ForbiddenTransition.
    """
    rma.become("lost", tx, step.reason, at=step.at)
    _stop_forecasts(rma, tx)
    tx.emit(
        PartLost(
            **rma.ids,
            tracking=rma.tracking,
            replaced_by_rma_id=derived(rma.id, "rma") if step.again else None,
            reason=step.reason,
            lost_at=step.at,
        )
    )
    await note_hand(rma, rma.shipped_serial, "lost", "shipped", tx)
    return_leg.expect_nothing(rma, tx, "the replacement was lost")


async def record_dead_on_arrival(rma: Rma, step: FindDead, tx: Transaction) -> None:
    """The dead part takes this RMA's way back; another one, where it will be sent, awaits the defective part.

    Raises ForbiddenTransition, NotInstallable.
    """
    rma.must_not_have_worked()
    rma.become("dead_on_arrival", tx, step.symptom, at=step.at)
    _stop_forecasts(rma, tx)
    tx.emit(
        PartDeadOnArrival(
            **rma.ids,
            part_number=rma.sent_part,
            serial=rma.shipped_serial,
            replaced_by_rma_id=derived(rma.id, "rma") if step.again else None,
            symptom=step.symptom,
            by=tx.scope.actor,
            reported_at=step.at,
        )
    )
    if rma.return_state == "awaiting_return":
        rma.window = None


async def record_refusal(rma: Rma, step: Refuse, tx: Transaction) -> None:
    """The carrier brings the parcel back, and somebody has to say what then. Raises ForbiddenTransition."""
    rma.become("refused", tx, step.reason, at=step.at)
    rma.waiting_for = "send_again"
    tx.cancel_timer(rma, FORECAST_CARRIER_LATE)
    tx.emit(PartRefused(**rma.ids, reason=step.reason, refused_at=step.at))
    return_leg.expect_the_replacement(rma, tx, step.reason)
    return_leg.hand_over(rma, tx, "the carrier brings it back", at=step.at)


async def record_find(rma: Rma, step: TurnUp, tx: Transaction) -> None:
    """The lost parcel arrived, and another one is on its way: this one is wanted back, and the RMA open until it is."""
    rma.delivered_at = step.at
    if return_leg.expect_the_replacement(rma, tx, "found by the carrier after it was replaced"):
        rma.closed_at = None
        await order_return_label(rma, tx)


def _stop_forecasts(rma: Rma, tx: Transaction) -> None:
    for timer in (CONTRACT_DUE, FORECAST_CARRIER_LATE, CLOSE):
        tx.cancel_timer(rma, timer)

"""The part is at the destination: told by the carrier, by hand, or by the technician who installs it."""

from datetime import timedelta

from libs.events.rma import PartDelivered
from libs.store import Transaction
from services.rma.model.policy import policy_for
from services.rma.model.rma import CLOSE, CONTRACT_DUE, FORECAST_CARRIER_LATE, Rma
from services.rma.model.steps import Deliver


async def record_delivery(rma: Rma, step: Deliver, tx: Transaction) -> None:
    """Raises ForbiddenTransition unless it is under way."""
    rma.deliver(step.at, step.received_by, tx)
    for timer in (CONTRACT_DUE, FORECAST_CARRIER_LATE):
        tx.cancel_timer(rma, timer)
    tx.set_timer(rma, CLOSE, step.at + timedelta(days=(await policy_for(rma, tx)).close_days_after_delivery))
    tx.emit(
        PartDelivered(
            **rma.ids,
            part_number=rma.sent_part,
            serial=rma.shipped_serial,
            tracking=rma.tracking,
            contract_due=rma.grant.due,
            in_time=step.at < rma.grant.ends_at,
            onsite=rma.onsite,
            delivered_at=step.at,
        )
    )

"""Notice that the same component of the same unit failed again, also when the unit itself was replaced in between."""

from datetime import timedelta

import sqlalchemy as sa

from libs.events.rma_returns import RepeatReplacementDetected
from libs.store import Transaction
from services.rma.model.outbound_leg import NOT_SENT
from services.rma.model.policy import policy_for
from services.rma.model.rma import Rma

_LONGEST_CHAIN = 50


async def detect_repeat(rma: Rma, tx: Transaction) -> None:
    """Tells of the earlier RMAs within the policy's days, once; an RMA in place of a lost one repeats nothing."""
    if rma.replaces_rma_id or not rma.serial or not rma.product_number:
        return
    policy = await policy_for(rma, tx)
    since = rma.diagnosed_at - timedelta(days=policy.repeat_replacement_days)
    serials = await _chain(rma.product_number, rma.serial, tx)
    earlier = await tx.select(
        Rma,
        Rma.c.serial.in_(serials),
        sa.func.lower(Rma.c.component) == rma.component.lower(),
        Rma.c.diagnosis_id != rma.diagnosis_id,
        Rma.c.state.not_in(sorted(NOT_SENT | {"lost", "refused"})),
        Rma.c.diagnosed_at >= since,
        Rma.c.diagnosed_at <= rma.diagnosed_at,
        order_by=(Rma.c.diagnosed_at, Rma.c.id),
    )
    if not earlier:
        return
    rma.repeat_of = [each.id for each in earlier]
    tx.emit(
        RepeatReplacementDetected(
            **rma.ids,
            earlier_rma_ids=rma.repeat_of,
            earlier_case_ids=list(dict.fromkeys(each.case_id for each in earlier)),
            product_number=rma.product_number,
            serial=rma.serial,
            component=rma.component,
            within_days=policy.repeat_replacement_days,
            detected_at=tx.now,
        )
    )


async def _chain(product_number: str, serial: str, tx: Transaction) -> list[str]:
    """This serial and those of the units it stands in for, one replacement after the other."""
    chain = [serial]
    while len(chain) < _LONGEST_CHAIN:
        replaced = await tx.select(
            Rma,
            Rma.c.whole_unit,
            Rma.c.product_number == product_number,
            sa.func.coalesce(Rma.c.installation["new_serial"].astext, Rma.c.shipped_serial) == chain[-1],
            Rma.c.serial.not_in(chain),
        )
        if not replaced or replaced[0].serial is None:
            break
        chain.append(replaced[0].serial)
    return chain

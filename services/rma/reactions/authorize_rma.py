"""Grant a replacement and fix its contract date, or deny it with the reason and the paid path."""

from libs.events.rma import RmaAuthorized, RmaDenied
from libs.store import Transaction
from services.rma.model.network import Network
from services.rma.model.part import choose_part, part_numbered
from services.rma.model.policy import policy_for
from services.rma.model.promise import contract_due
from services.rma.model.rma import CONTRACT_DUE, Rma
from services.rma.model.rma_values import Denial
from services.rma.model.steps import Authorize, Deny
from services.rma.reactions.detect_repeat import detect_repeat

NO_SUCH_PART = "no_such_part"
"""Somebody mistyped it: another one would be a guess."""


async def authorize(rma: Rma, step: Authorize, tx: Transaction) -> None:
    """Grants it. Where there is no such part, or none fits, a requested one is denied, and one that was denied before stays so.

    The contract date is fixed in any case, until the case is corrected. Raises NoDestination.
    """
    if rma.contract_due is None:
        destination = (await Network.load_for(rma, tx)).destination(rma.destination)
        rma.contract_due, rma.contract_ends_at = contract_due(rma.diagnosed_at, rma.cut_off, destination)
    wanted = await part_numbered(rma.wanted_part, tx) if rma.wanted_part else None
    chosen = await choose_part(wanted, rma.component, whole_unit=rma.whole_unit, unit=rma.unit, tx=tx)
    if rma.wanted_part and wanted is None:
        lack = Deny(NO_SUCH_PART, f"The catalogue has no part {rma.wanted_part}.")
    else:
        lack = Deny("no_part_fits", f"No part in the catalogue is a {rma.component} for this unit.")
    if chosen is None or lack.reason == NO_SUCH_PART:
        if rma.state == "requested":
            await deny(rma, lack, tx)
        return
    rma.become("authorized", tx, step.reason)
    rma.part_number, rma.denial = chosen.part_number, None
    rma.return_required = chosen.returnable
    granted = rma.grant
    tx.emit(
        RmaAuthorized(
            **rma.ids,
            part_number=granted.part_number,
            contract_due=granted.due,
            return_required=rma.return_required,
            overridden=step.overridden,
            reason=step.reason,
            by=tx.scope.actor,
            authorized_at=tx.now,
        )
    )
    tx.set_timer(rma, CONTRACT_DUE, granted.ends_at)
    await detect_repeat(rma, tx)


async def deny(rma: Rma, step: Deny, tx: Transaction) -> None:
    """No replacement under the contract, and what it would cost without one."""
    part = await part_numbered(rma.wanted_part, tx) if rma.wanted_part else None
    paid_path = (await policy_for(rma, tx)).paid_path
    rma.become("denied", tx, step.explanation)
    rma.denial = Denial(
        reason=step.reason, explanation=step.explanation, paid_path=paid_path, price=part.list_price if part else None
    )
    tx.emit(RmaDenied(**rma.ids, **dict(rma.denial), by=tx.scope.actor, denied_at=tx.now))

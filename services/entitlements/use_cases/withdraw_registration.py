"""Withdraw a registration: the unit is free again, for anybody (S16)."""

from uuid import UUID

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.entitlements.model.registration import Registration, serials_of
from services.entitlements.queries.access import locked_with_account
from services.entitlements.queries.registrations import RegistrationOut
from services.entitlements.reactions.decide_coverage import decide_again

router = Router(tags=["registrations"])


class WithdrawRegistration(Command):
    reason: Text


async def withdraw_registration(registration: Registration, reason: str, tx: Transaction) -> None:
    """For a locked registration. What was decided for an open case stands. Raises ForbiddenTransition."""
    registration.withdraw(at=tx.now, by=tx.scope.actor, reason=reason)
    for serial in await serials_of(registration, tx):
        serial.release(tx)
    await decide_again(registration.account_id, tx)


@router.post("/v1/registrations/{registration_id}/withdraw", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def withdraw_registration_route(
    registration_id: UUID, cmd: WithdrawRegistration, tx: Tx, caller: Caller
) -> RegistrationOut:
    """Withdraws a registration: the unit is free again, for anybody."""
    registration, _ = await locked_with_account(Registration, registration_id, caller, tx)
    await withdraw_registration(registration, cmd.reason, tx)
    return RegistrationOut.of(registration, caller)

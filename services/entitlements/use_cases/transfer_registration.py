"""Move a registration to another account (S16)."""

from uuid import UUID

from libs.kit.auth import MANAGERS
from libs.kit.fields import Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.entitlements.model.account import Account, must_be_of_account
from services.entitlements.model.contact import Contact
from services.entitlements.model.contract import Contract
from services.entitlements.model.registration import Registration, serials_of
from services.entitlements.model.site import Site
from services.entitlements.queries.registrations import RegistrationOut
from services.entitlements.reactions.decide_coverage import decide_again
from services.entitlements.reactions.follow_replacement import apply_what_was_replaced
from services.entitlements.reactions.publish_registrations import publish_registration, tell_transferred

router = Router(tags=["registrations"])


class TransferRegistration(Command):
    """Site, contact and contract are those of the account that it goes to."""

    account_id: UUID
    site_id: UUID | None = None
    contact_id: UUID | None = None
    contract_id: UUID | None = None
    reason: Text


async def transfer_registration(registration: Registration, cmd: TransferRegistration, tx: Transaction) -> None:
    """For a locked registration. The other account is told nothing of the one before; the cases of both are decided anew.

    Raises NotFound, NotOfThisAccount, ForbiddenTransition, UnitInDispute.
    """
    before, after = registration.account_id, cmd.account_id
    await tx.find_many(Account, [before, after], lock=True)
    await Account.get(after, tx)
    await must_be_of_account(Site, cmd.site_id, after, tx)
    await must_be_of_account(Contact, cmd.contact_id, after, tx)
    await must_be_of_account(Contract, cmd.contract_id, after, tx)
    registration.transfer(after, at=tx.now, by=tx.scope.actor, reason=cmd.reason)
    registration.site_id, registration.contact_id = cmd.site_id, cmd.contact_id
    registration.contract_id = cmd.contract_id
    serials = await serials_of(registration, tx)
    for serial in serials:
        serial.account_id = after
    await publish_registration(registration, serials, tx)
    await tell_transferred(registration, tx)
    # A replacement may have waited for this account.
    await apply_what_was_replaced([serial.id for serial in serials], tx)
    for account_id in sorted({before, after}):
        await decide_again(account_id, tx)


@router.post("/v1/registrations/{registration_id}/transfer", dependencies=[allow(*MANAGERS)])
async def transfer_registration_route(
    registration_id: UUID, cmd: TransferRegistration, tx: Tx, caller: Caller
) -> RegistrationOut:
    """Moves a unit to another account; the cases of both are decided anew."""
    registration = await Registration.get(registration_id, tx, lock=True)
    await transfer_registration(registration, cmd, tx)
    return RegistrationOut.of(registration, caller)

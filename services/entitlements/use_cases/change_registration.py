"""Note another site, contact or contract for a registered unit, or what is known of it (S16)."""

from uuid import UUID

from libs.kit.auth import ACCOUNT_KEEPERS
from libs.kit.fields import Line
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.patch import Patch
from libs.store import Transaction
from services.entitlements.model.account import must_be_of_account
from services.entitlements.model.contact import Contact
from services.entitlements.model.contract import Contract
from services.entitlements.model.registration import Registration, serials_of
from services.entitlements.model.site import Site
from services.entitlements.queries.access import locked_with_account
from services.entitlements.queries.registrations import RegistrationOut
from services.entitlements.reactions.decide_coverage import decide_again
from services.entitlements.reactions.publish_registrations import publish_registration, tell_transferred

router = Router(tags=["registrations"])


class ChangeRegistration(Patch):
    site_id: UUID | None
    contact_id: UUID | None
    contract_id: UUID | None
    hardware_revision: Line | None
    firmware: Line | None


async def change_registration(registration: Registration, cmd: ChangeRegistration, tx: Transaction) -> None:
    """For a locked registration; its account's open cases are decided anew.

    Raises NotOfThisAccount, ForbiddenTransition, UnitInDispute.
    """
    await must_be_of_account(Site, cmd.site_id, registration.account_id, tx)
    await must_be_of_account(Contact, cmd.contact_id, registration.account_id, tx)
    await must_be_of_account(Contract, cmd.contract_id, registration.account_id, tx)
    site_id = registration.site_id
    if not cmd.apply_to(registration):
        return
    registration.move(at=tx.now, by=tx.scope.actor, reason="changed")
    await publish_registration(registration, await serials_of(registration, tx), tx)
    if registration.site_id != site_id:
        await tell_transferred(registration, tx)
    await decide_again(registration.account_id, tx)


@router.patch("/v1/registrations/{registration_id}", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def change_registration_route(
    registration_id: UUID, cmd: ChangeRegistration, tx: Tx, caller: Caller
) -> RegistrationOut:
    """Notes another site, contact or contract for a unit; open cases are told."""
    registration, _ = await locked_with_account(Registration, registration_id, caller, tx)
    await change_registration(registration, cmd, tx)
    return RegistrationOut.of(registration, caller)

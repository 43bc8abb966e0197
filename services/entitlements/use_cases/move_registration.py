"""Move a registration to another site, contact or account, or withdraw it (S16)."""

from uuid import UUID

from libs.events.entitlements import ProductTransferred
from libs.kit.auth import ACCOUNT_KEEPERS, MANAGERS
from libs.kit.fields import Line, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.contact import Contact
from services.entitlements.model.contract import Contract
from services.entitlements.model.coverage import coverage_now
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.model.site import Site
from services.entitlements.queries.registrations import RegistrationOut
from services.entitlements.use_cases.changes import Change, check_of_account, to_change
from services.entitlements.use_cases.decide_coverage import decide_again
from services.entitlements.use_cases.replace_serial import apply_what_was_replaced
from services.entitlements.use_cases.whereabouts import whereabouts

router = Router(tags=["registrations"])


class ChangeRegistration(Change):
    site_id: UUID | None = None
    contact_id: UUID | None = None
    contract_id: UUID | None = None
    hardware_revision: Line | None = None
    firmware: Line | None = None


class TransferRegistration(Command):
    account_id: UUID
    site_id: UUID | None = None
    contact_id: UUID | None = None
    contract_id: UUID | None = None
    reason: Text


class WithdrawRegistration(Command):
    reason: Text


async def change_registration(registration: Registration, cmd: ChangeRegistration, tx: Transaction) -> None:
    """Another site, contact or contract of the same account."""
    await _check_named(cmd, registration.account_id, tx)
    site_id = registration.site_id
    cmd.apply(registration)
    registration.move(at=tx.now, by=tx.scope.actor, reason="changed")
    serials = await serials_of(registration, tx)
    await publish(registration, serials, tx)
    if registration.site_id != site_id:
        await _tell_transferred(registration, tx)
    await decide_again(registration.account_id, tx)


async def transfer_registration(registration: Registration, cmd: TransferRegistration, tx: Transaction) -> None:
    """To another account, which is told nothing of the one before; the cases of both are answered anew."""
    before, after = registration.account_id, cmd.account_id
    await tx.find_many(Account, [before, after], lock=True)
    await Account.get(after, tx)
    await _check_named(cmd, after, tx)
    registration.transfer(after, at=tx.now, by=tx.scope.actor, reason=cmd.reason)
    for name in ("site_id", "contact_id", "contract_id"):
        setattr(registration, name, getattr(cmd, name))
    serials = await serials_of(registration, tx)
    for serial in serials:
        serial.account_id = after
    await publish(registration, serials, tx)
    await _tell_transferred(registration, tx)
    await apply_what_was_replaced([serial.id for serial in serials], tx)  # what had waited for this account
    for account_id in sorted({before, after}):
        await decide_again(account_id, tx)


async def withdraw_registration(registration: Registration, reason: str, tx: Transaction) -> None:
    """The pair is free again, for anybody; what was decided for an open case stands."""
    registration.withdraw(at=tx.now, by=tx.scope.actor, reason=reason)
    for serial in await serials_of(registration, tx):
        serial.release(tx)
    await decide_again(registration.account_id, tx)


async def serials_of(registration: Registration, tx: Transaction) -> list[RegisteredSerial]:
    """All it has or had, locked."""
    return await tx.select(RegisteredSerial, RegisteredSerial.c.registration_id == registration.id, lock=True)


async def publish(registration: Registration, serials: list[RegisteredSerial], tx: Transaction) -> None:
    """Their records on the state topic."""
    await tx.flush()
    plan = (await coverage_now(registration, tx)).plan
    for serial in serials:
        serial.publish(registration, plan, tx)


async def _check_named(cmd: ChangeRegistration | TransferRegistration, account_id: UUID, tx: Transaction) -> None:
    await check_of_account(Site, cmd.site_id, account_id, tx)
    await check_of_account(Contact, cmd.contact_id, account_id, tx)
    await check_of_account(Contract, cmd.contract_id, account_id, tx)


async def _tell_transferred(registration: Registration, tx: Transaction) -> None:
    account = await Account.get(registration.account_id, tx)
    coverage = await coverage_now(registration, tx)
    site, contact = await whereabouts(registration, tx)
    tx.emit(
        ProductTransferred(
            registration_id=registration.id,
            account_id=account.id,
            account_name=account.name,
            product_number=registration.product_number,
            serial=registration.serial,
            contract_id=coverage.contract_id,
            plan=coverage.plan,
            features=coverage.features,
            site=site,
            contact=contact,
            by=tx.scope.actor,
            transferred_at=tx.now,
        )
    )


@router.patch("/v1/registrations/{registration_id}", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def change_registration_route(
    registration_id: UUID, cmd: ChangeRegistration, tx: Tx, caller: Caller
) -> RegistrationOut:
    registration, _ = await to_change(Registration, registration_id, caller, tx)
    await change_registration(registration, cmd, tx)
    return RegistrationOut.of(registration, caller)


@router.post("/v1/registrations/{registration_id}/transfer", dependencies=[allow(*MANAGERS)])
async def transfer_registration_route(
    registration_id: UUID, cmd: TransferRegistration, tx: Tx, caller: Caller
) -> RegistrationOut:
    registration = await Registration.get(registration_id, tx, lock=True)
    await transfer_registration(registration, cmd, tx)
    return RegistrationOut.of(registration, caller)


@router.post("/v1/registrations/{registration_id}/withdraw", dependencies=[allow(*ACCOUNT_KEEPERS)])
async def withdraw_registration_route(
    registration_id: UUID, cmd: WithdrawRegistration, tx: Tx, caller: Caller
) -> RegistrationOut:
    registration, _ = await to_change(Registration, registration_id, caller, tx)
    await withdraw_registration(registration, cmd.reason, tx)
    return RegistrationOut.of(registration, caller)

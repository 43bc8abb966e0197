"""Tell what stands of registrations: their records on the state topic, and that one has moved."""

from collections.abc import Sequence
from uuid import UUID

from libs.events.entitlements import ProductTransferred
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.coverage import coverage_now, coverages_now
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.queries.asked_contact import asked_contact


async def publish_by_timer(account: Account, tx: Transaction, _detail: str) -> None:
    """A migration changed what they say."""
    await publish_registrations(account.id, tx)


async def publish_registrations(account_id: UUID, tx: Transaction) -> None:
    """Publishes all of an account's serials anew: their plan changed with a contract."""
    serials = await tx.select(RegisteredSerial, RegisteredSerial.c.account_id == account_id, lock=True)
    # Each serial has its registration: one that was withdrawn has released its own.
    found = await tx.find_many(Registration, [serial.registration_id for serial in serials])
    registrations = [each for each in found if each]
    coverages = await coverages_now(registrations, tx)
    for serial, registration, coverage in zip(serials, registrations, coverages, strict=True):
        serial.publish(registration, coverage.plan, tx)


async def publish_registration(
    registration: Registration, serials: Sequence[RegisteredSerial], tx: Transaction
) -> None:
    """Publishes these locked serials of one registration, which changed."""
    plan = (await coverage_now(registration, tx)).plan
    for serial in serials:
        serial.publish(registration, plan, tx)


async def tell_transferred(registration: Registration, tx: Transaction) -> None:
    """Tells that a registration moved to another site or account (S16)."""
    account = await Account.get(registration.account_id, tx)
    coverage = await coverage_now(registration, tx)
    tx.emit(
        ProductTransferred(
            **registration.facts(),
            account_name=account.name,
            **coverage.facts(),
            site_id=registration.site_id,
            contact_id=await asked_contact(registration, tx),
            by=tx.scope.actor,
            transferred_at=tx.now,
        )
    )

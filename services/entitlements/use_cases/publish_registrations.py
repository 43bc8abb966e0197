"""Republish an account's registrations on the state topic: their plan changed with a contract."""

from uuid import UUID

from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.coverage import coverages_now
from services.entitlements.model.registration import RegisteredSerial, Registration

PUBLISH = "publish_registrations"


async def publish_by_timer(account: Account, tx: Transaction, _detail: str) -> None:
    """A migration changed what they say."""
    await publish_registrations(account.id, tx)


async def publish_registrations(account_id: UUID, tx: Transaction) -> None:
    await tx.flush()
    serials = await tx.select(RegisteredSerial, RegisteredSerial.c.account_id == account_id, lock=True)
    found = await tx.find_many(Registration, [serial.registration_id for serial in serials])
    registrations = [
        each for each in found if each
    ]  # each serial has one: a withdrawn registration has released its own
    for serial, registration, coverage in zip(
        serials, registrations, await coverages_now(registrations, tx), strict=True
    ):
        serial.publish(registration, coverage.plan, tx)

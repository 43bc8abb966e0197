"""Republish an account's registrations on the state topic: their plan changed with a contract."""

from uuid import UUID

from libs.store import Transaction
from services.entitlements.model.coverage import coverage_now
from services.entitlements.model.registration import RegisteredSerial, Registration


async def publish_registrations(account_id: UUID, tx: Transaction) -> None:
    await tx.flush()
    serials = await tx.select(RegisteredSerial, RegisteredSerial.c.account_id == account_id, lock=True)
    registrations = await tx.find_many(Registration, [serial.registration_id for serial in serials])
    plans: dict[tuple[str, UUID | None], str | None] = {}
    for serial, registration in zip(serials, registrations, strict=True):
        assert registration is not None  # a withdrawn one has released its serials
        like = registration.family, registration.contract_id
        if like not in plans:
            plans[like] = (await coverage_now(registration, tx)).plan
        serial.publish(registration, plans[like], tx)

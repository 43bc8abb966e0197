"""A whole unit was replaced: its registration moves to the new serial, and its cover with it (S2, S16)."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from libs.events.entitlements import SerialReplaced, registration_key
from libs.events.rma import ReplacementInstalled
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.case_file import CaseFile
from services.entitlements.model.coverage import coverage_now
from services.entitlements.model.product import Product
from services.entitlements.model.registration import RegisteredSerial, Registration, Replacement
from services.entitlements.reactions.decide_coverage import decide_for_units

log = structlog.get_logger()


async def follow_replacement(event: ReplacementInstalled, tx: Transaction) -> None:
    """Keeps it by its RMA's id, so that it acts once. One of a unit that its account has not registered waits until it has."""
    if not (event.whole_unit and event.old_serial and event.new_serial):
        return
    if (event.old_serial, event.product_number) == (event.new_serial, event.new_product_number or event.product_number):
        log.warning("a unit is said to have replaced itself", rma_id=str(event.rma_id), serial=event.old_serial)
        return
    if await Replacement.find(event.rma_id, tx, lock=True):
        return
    cause = tx.cause
    replacement = tx.add(
        Replacement(
            id=event.rma_id,
            case_id=event.case_id,
            old_key=registration_key(event.product_number, event.old_serial),
            product_number=event.product_number,
            old_serial=event.old_serial,
            new_product_number=event.new_product_number or event.product_number,
            new_serial=event.new_serial,
            installed_at=event.installed_at,
            by=event.by or (cause.actor if cause else tx.scope.actor),
            account_id=cause.account_id if cause else None,
        )
    )
    if not tx.rebuilding:
        await _apply(replacement, tx)


async def apply_what_was_replaced(keys: Sequence[UUID], tx: Transaction) -> None:
    """Takes up the replacements that were heard of before these serials were registered."""
    waiting = await tx.select(Replacement, Replacement.c.old_key.in_(keys), ~Replacement.c.applied, lock=True)
    for replacement in waiting:
        await _apply(replacement, tx)


async def _apply(replacement: Replacement, tx: Transaction) -> None:
    found = await RegisteredSerial.find(replacement.old_key, tx)
    if found is None:
        return
    registration = await Registration.get(found.registration_id, tx, lock=True)
    await Account.get(registration.account_id, tx, lock=True)
    old = await RegisteredSerial.get(replacement.old_key, tx, lock=True)
    if old.replaced_by:
        return
    if registration.disputed_at or registration.account_id != await _account_of(replacement, tx):
        # Two accounts may claim one label: a person has to find out whose it is, and until then this waits.
        log.warning("a replacement's unit is another account's or in dispute", rma_id=str(replacement.id))
        return
    if not await _take_over(registration, old, replacement, tx):
        return
    replacement.applied = True
    await tx.flush()
    serials = await tx.select(RegisteredSerial, RegisteredSerial.c.registration_id == old.registration_id)
    await decide_for_units([serial.id for serial in serials], tx)
    await apply_what_was_replaced([replacement.new_key], tx)


async def _account_of(replacement: Replacement, tx: Transaction) -> UUID | None:
    """Whose unit was replaced, as far as it is known."""
    case = None if replacement.account_id else await CaseFile.find(replacement.case_id, tx)
    return case.account_id if case else replacement.account_id


async def _take_over(
    registration: Registration, old: RegisteredSerial, replacement: Replacement, tx: Transaction
) -> bool:
    """Whether the new serial has taken over. It cannot when another account has registered it, or when it stands in for another unit:
    two units never become one, and only a person can mend that."""
    successor = await _successor(registration, replacement, tx)
    if successor is None:
        log.warning(
            "a replacement's serial is another unit's", rma_id=str(replacement.id), serial=replacement.new_serial
        )
        return False
    old.replaced_by, old.successor = successor.serial, successor.id
    old.replaced_at, old.registration_id = replacement.installed_at, successor.registration_id
    standing = await Registration.get(successor.registration_id, tx)
    plan = (await coverage_now(standing, tx)).plan
    for serial in (old, successor):
        serial.publish(standing, plan, tx)
    tx.emit(
        SerialReplaced(
            registration_id=registration.id,
            account_id=registration.account_id,
            product_number=old.product_number,
            old_serial=old.serial,
            new_serial=successor.serial,
            new_product_number=None if successor.product_number == old.product_number else successor.product_number,
            replaced_in_case=replacement.case_id,
            rma_id=replacement.id,
            replaced_at=replacement.installed_at,
        )
    )
    return True


async def _successor(registration: Registration, replacement: Replacement, tx: Transaction) -> RegisteredSerial | None:
    """The new serial, locked: the registration's from now on, or one that the account registered by itself before."""
    reason = f"{replacement.old_serial} was replaced by {replacement.new_serial}"
    other = await RegisteredSerial.find(replacement.new_key, tx, lock=True)
    if other and other.replaced_by and other.account_id == registration.account_id:
        return await _put_in_again(other, registration, replacement, reason, tx)
    if other:
        if other.account_id != registration.account_id or await _stands_in_for_another(replacement, tx):
            return None
        registration.withdraw(
            at=replacement.installed_at, by=replacement.by, reason=f"{reason}, which is registered already"
        )
        return other
    await _take_name(registration, replacement, reason, tx)
    return tx.add(
        RegisteredSerial(
            id=replacement.new_key,
            account_id=registration.account_id,
            registration_id=registration.id,
            product_number=replacement.new_product_number,
            serial=replacement.new_serial,
        )
    )


async def _stands_in_for_another(replacement: Replacement, tx: Transaction) -> bool:
    """Whether the new unit has taken another one's place before."""
    others = await tx.select(Replacement, Replacement.c.new_serial == replacement.new_serial, Replacement.c.applied)
    return any(each.new_key == replacement.new_key and each.id != replacement.id for each in others)


async def _put_in_again(
    serial: RegisteredSerial, registration: Registration, replacement: Replacement, reason: str, tx: Transaction
) -> RegisteredSerial:
    """A unit that was replaced, repaired and sent out again: it is this registration's from now on."""
    serial.registration_id = registration.id
    serial.replaced_by = serial.successor = serial.replaced_at = None
    await _take_name(registration, replacement, reason, tx)
    return serial


async def _take_name(registration: Registration, replacement: Replacement, reason: str, tx: Transaction) -> None:
    product = await tx.first(Product, Product.c.product_number == replacement.new_product_number)
    if product:
        registration.family, registration.model = product.family, product.model
    registration.product_number, registration.serial = replacement.new_product_number, replacement.new_serial
    registration.firmware = None
    registration.move(at=replacement.installed_at, by=replacement.by, reason=reason)

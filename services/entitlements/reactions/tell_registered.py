"""What follows a registration: it is told, what was replaced before applies to it, and cases that waited for it are answered."""

from uuid import UUID

from libs.events.entitlements import ProductRegistered
from libs.store import Transaction
from services.entitlements.model.account import Account
from services.entitlements.model.coverage import coverages_now
from services.entitlements.model.registration import RegisteredSerial, Registration
from services.entitlements.queries.asked_contact import asked_contact
from services.entitlements.reactions.decide_coverage import decide_for_registered
from services.entitlements.reactions.follow_replacement import apply_what_was_replaced


async def tell_registered(
    account: Account, registrations: list[Registration], serials: dict[UUID, RegisteredSerial], tx: Transaction
) -> None:
    for registration in registrations:
        tx.add(registration)
    for registration, coverage in zip(registrations, await coverages_now(registrations, tx), strict=True):
        serials[registration.id].publish(registration, coverage.plan, tx)
        tx.emit(
            ProductRegistered(
                **registration.facts(),
                **coverage.facts(),
                account_name=account.name,
                family=registration.family,
                model=registration.model,
                hardware_revision=registration.hardware_revision,
                site_id=registration.site_id,
                contact_id=await asked_contact(registration, tx),
                by=tx.scope.actor,
                registered_at=tx.now,
            )
        )
    keys = [serials[each.id].id for each in registrations]
    await apply_what_was_replaced(keys, tx)
    if keys:
        await decide_for_registered(account.id, keys, tx)

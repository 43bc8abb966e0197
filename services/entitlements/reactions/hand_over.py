"""What names a contact names another one: sites and registered units."""

from uuid import UUID

from libs.store import Transaction
from services.entitlements.model.contact import Contact
from services.entitlements.model.registration import Registration
from services.entitlements.model.site import Site


async def lock_what_names(contact_id: UUID, tx: Transaction) -> None:
    """Before the contact and its account, in the order that every command takes."""
    await _what_names(contact_id, tx)


async def hand_over(contact: Contact, to: UUID | None, tx: Transaction, *, reason: str) -> None:
    """For a locked contact and account."""
    sites, registrations = await _what_names(contact.id, tx)
    for site in sites:
        site.contact_id = to
    for registration in registrations:
        registration.hand_over(to, at=tx.now, by=tx.scope.actor, reason=reason)


async def _what_names(contact_id: UUID, tx: Transaction) -> tuple[list[Site], list[Registration]]:
    sites = await tx.select(Site, Site.c.contact_id == contact_id, lock=True)
    return sites, await tx.select(Registration, Registration.c.contact_id == contact_id, lock=True)

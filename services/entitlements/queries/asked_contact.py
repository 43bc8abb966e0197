"""Who is asked about a registered unit."""

from uuid import UUID

from libs.store import Transaction
from services.entitlements.model.coverage import site_of
from services.entitlements.model.registration import Registration


async def asked_contact(registration: Registration, tx: Transaction) -> UUID | None:
    """Its own contact, or else its site's."""
    if registration.contact_id:
        return registration.contact_id
    site = await site_of(registration, tx)
    return site.contact_id if site else None

"""Where a registered unit stands, and who is asked about it."""

from libs.events import values
from libs.store import Transaction
from services.entitlements.model.contact import Contact
from services.entitlements.model.coverage import site_of
from services.entitlements.model.registration import Registration


async def site_and_contact(
    registration: Registration, tx: Transaction
) -> tuple[values.Site | None, values.Contact | None]:
    """The unit's site, and its own contact or else the site's, as events say them."""
    site = await site_of(registration, tx)
    contact_id = registration.contact_id or (site.contact_id if site else None)
    contact = await Contact.find(contact_id, tx) if contact_id else None
    return site.facts() if site else None, contact.facts() if contact else None

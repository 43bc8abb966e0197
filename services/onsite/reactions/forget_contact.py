"""A contact was erased: what is kept of them beside the replica."""

from libs.events.entitlements import ContactErased
from libs.store import Transaction
from services.onsite.model.appointment import Appointment, signed_by


async def forget_contact(event: ContactErased, tx: Transaction) -> None:
    """The name that was typed when they signed."""
    for visit in await tx.select(Appointment, signed_by(event.contact_id), lock=True):
        visit.forget_signer(event.contact_id)

"""A contact was erased: what is kept of them beside the replica."""

from libs.events.entitlements import ContactErased
from libs.store import Transaction
from services.rma.model.rma import Rma, whose_contact_is


async def forget_contact(event: ContactErased, tx: Transaction) -> None:
    """Who took the parcels that were theirs: as it was typed, and most likely they themselves."""
    for rma in await tx.select(Rma, whose_contact_is(event.contact_id), lock=True):
        rma.received_by = None

"""One of our own people was erased: what is kept of them beside the replica."""

from libs.events.gateway import PersonErased
from libs.kit.forgetting import acted_as
from libs.store import Transaction
from services.onsite.model.appointment import Appointment, signed_for_support


async def forget_person(event: PersonErased, tx: Transaction) -> None:
    """The name under which they signed for support."""
    for visit in await tx.select(Appointment, signed_for_support(acted_as(event.person_id)), lock=True):
        visit.forget_support()

"""One of our own people was erased: what is kept of them beside the replica."""

from libs.events.gateway import PersonErased
from libs.kit.forgetting import acted_as
from libs.store import Transaction
from services.onsite.model.appointment import Appointment, signed_for_support
from services.onsite.model.technician import RETIRE, Technician


async def forget_person(event: PersonErased, tx: Transaction) -> None:
    """The name under which they signed for support; a technician who was this person is retired."""
    for technician in await tx.select(Technician, Technician.c.person_id == event.person_id, lock=True):
        technician.forget_person()
        tx.set_timer(technician, RETIRE, tx.now)
    for visit in await tx.select(Appointment, signed_for_support(acted_as(event.person_id)), lock=True):
        visit.forget_support()

"""One of our own people is erased: what is left says nothing of them."""

from libs.events.gateway import PersonErased
from libs.store import Transaction
from services.escalation.model.absence import Absence
from services.escalation.model.desk_member import DeskMember
from services.escalation.model.expert import Expert


async def forget_person(event: PersonErased, tx: Transaction) -> None:
    """Of an expert the skills are left, and what was engaged; of the desk and of when they were away, nothing."""
    for expert in await tx.select(Expert, Expert.c.person_id == event.person_id, lock=True):
        expert.forget_person()
    for absence in await tx.select(Absence, Absence.c.person_id == event.person_id, lock=True):
        tx.remove(absence)
    for member in await tx.select(DeskMember, DeskMember.c.person_id == event.person_id, lock=True):
        tx.remove(member)

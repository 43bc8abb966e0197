"""A person is forgotten: what is personal goes, the id stays, and whoever keeps something of this person hears it."""

from uuid import UUID

from libs.events.gateway import ClientDisabled, PersonErased
from libs.kit.fields import Text
from libs.kit.forgetting import forget_answers
from libs.kit.http import Command, Router, Tx, allow
from libs.store import Transaction
from services.gateway.model.client import Client, an_admin_stays
from services.gateway.model.history import Change
from services.gateway.model.person import Person
from services.gateway.queries.people import PersonOut

router = Router(tags=["people"])


class ErasePerson(Command):
    """`reason` is kept: a reference of the request, and nothing of the person."""

    reason: Text


async def erase_person(person_id: UUID, cmd: ErasePerson, tx: Transaction) -> Person:
    """Every client that acts for them is disabled for good. Raises LastAdmin."""
    async with an_admin_stays(tx):
        person = await Person.get(person_id, tx, lock=True)
        if person.erased_at:
            return person
        change = Change(at=tx.now, by=tx.scope.actor, what="erased", why=cmd.reason)
        person.erase(change)
    for client in await tx.select(Client, Client.c.person_id == person.id, lock=True):
        if client.forget_person(change.model_copy(update={"what": "disabled"})):
            tx.emit(ClientDisabled(client_id=client.id, by=tx.scope.actor, disabled_at=tx.now))
        await forget_answers(client.id, tx)
    await forget_answers(person.id, tx)
    tx.emit(PersonErased(person_id=person.id, by=tx.scope.actor, erased_at=tx.now))
    return person


@router.post("/v1/people/{person_id}/erase", dependencies=[allow("admin")])
async def erase_person_route(person_id: UUID, cmd: ErasePerson, tx: Tx) -> PersonOut:
    """Forgets a person for good, in every service. Refused while something is open with them; who is erased already stays so."""
    return PersonOut.model_validate(await erase_person(person_id, cmd, tx))

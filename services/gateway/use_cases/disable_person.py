"""A person who may not act any more, from a few seconds on: every client that acts for them is refused."""

from uuid import UUID

from libs.events.gateway import PersonDisabled
from libs.kit.fields import Text
from libs.kit.http import Command, Router, Tx, allow
from libs.store import Transaction
from services.gateway.model.client import an_admin_stays
from services.gateway.model.history import Change
from services.gateway.model.person import Person
from services.gateway.queries.people import PersonOut
from services.gateway.use_cases.keep_people import told_revision

router = Router(tags=["people"])


class DisablePerson(Command):
    why: Text | None = None


async def disable_person(person_id: UUID, cmd: DisablePerson, tx: Transaction) -> Person:
    """Raises PersonForgotten, LastAdmin."""
    async with an_admin_stays(tx):
        person = await Person.get(person_id, tx, lock=True)
        person.must_be_kept()
        if person.disable(Change(at=tx.now, by=tx.scope.actor, what="disabled", why=cmd.why)):
            revision = told_revision(person, tx)
            tx.emit(PersonDisabled(person_id=person.id, revision=revision, by=tx.scope.actor, disabled_at=tx.now))
    return person


@router.post("/v1/people/{person_id}/disable", dependencies=[allow("admin")])
async def disable_person_route(person_id: UUID, cmd: DisablePerson, tx: Tx) -> PersonOut:
    """Who is disabled already stays so."""
    return PersonOut.model_validate(await disable_person(person_id, cmd, tx))

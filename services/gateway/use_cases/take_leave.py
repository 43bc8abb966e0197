"""A person leaves, and another one takes over what is open."""

from uuid import UUID

from libs.events.gateway import PersonLeft
from libs.kit.fields import Text
from libs.kit.http import Command, Router, Tx, allow
from libs.store import Transaction
from services.gateway.model.client import an_admin_stays
from services.gateway.model.history import Change
from services.gateway.model.person import Person, UnknownPerson, must_be_active
from services.gateway.queries.people import PersonOut
from services.gateway.use_cases.keep_people import told_revision

router = Router(tags=["people"])


class TakeLeave(Command):
    successor_id: UUID
    why: Text | None = None


async def take_leave(person_id: UUID, cmd: TakeLeave, tx: Transaction) -> Person:
    """Raises PersonForgotten, PersonHasLeft, UnknownPerson, LastAdmin."""
    async with an_admin_stays(tx):
        person = await Person.get(person_id, tx, lock=True)
        person.must_be_kept()
        if cmd.successor_id == person.id:
            raise UnknownPerson("Another person takes over.", field="successor_id", id=str(person.id))
        await must_be_active(cmd.successor_id, tx, of="successor_id")
        person.leave(cmd.successor_id, Change(at=tx.now, by=tx.scope.actor, what="left", why=cmd.why))
    tx.emit(
        PersonLeft(
            person_id=person.id,
            revision=told_revision(person, tx),
            successor_id=cmd.successor_id,
            by=tx.scope.actor,
            left_at=tx.now,
        )
    )
    return person


@router.post("/v1/people/{person_id}/leave", dependencies=[allow("admin")])
async def take_leave_route(person_id: UUID, cmd: TakeLeave, tx: Tx) -> PersonOut:
    return PersonOut.model_validate(await take_leave(person_id, cmd, tx))

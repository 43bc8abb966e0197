"""Who our people are, what they can act as, and where they are reached: an admin says it."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from libs.events.gateway import PersonChanged, PersonInvited, PersonRole
from libs.events.values import Language
from libs.kit.fields import Email, Line, Phone, Text, Zone
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.twins import ThereAlready
from libs.store import Transaction
from services.gateway.model.client import an_admin_stays
from services.gateway.model.history import Change
from services.gateway.model.person import Person
from services.gateway.queries.people import PersonOut, with_email

router = Router(tags=["people"])
Roles = Annotated[list[PersonRole], Field(min_length=1, max_length=20), AfterValidator(lambda roles: sorted({*roles}))]


class PersonFields(Command):
    name: Line
    email: Email | None = None
    phone: Phone | None = None
    language: Language = "en"
    time_zone: Zone = "UTC"
    roles: Roles
    why: Text | None = None


class CreatePerson(New, PersonFields):
    display_name: Line | None = Field(None, description="what customers see; the name, unless said")


class ChangePerson(Patch, PersonFields):
    """`active` brings back who was disabled or has left."""

    display_name: Line
    active: Literal[True]

    @model_validator(mode="after")
    def _says_something(self) -> "ChangePerson":
        if not self.model_fields_set - {"why"}:
            raise ValueError("nothing to change is given")
        return self


async def create_person(cmd: CreatePerson, tx: Transaction) -> Person:
    """Raises ThereAlready."""
    await _refuse_twin(cmd.email, tx)
    made = Change(at=tx.now, by=tx.scope.actor, what="invited", why=cmd.why)
    person = cmd.make(Person, tx, display_name=cmd.display_name or cmd.name, history=[made])
    tx.emit(
        PersonInvited(
            person_id=person.id,
            revision=told_revision(person, tx),
            roles=person.roles,
            by=tx.scope.actor,
            invited_at=tx.now,
        )
    )
    return person


async def change_person(person_id: UUID, cmd: ChangePerson, tx: Transaction) -> Person:
    """Raises PersonForgotten, ThereAlready, LastAdmin."""
    async with an_admin_stays(tx):
        person = await Person.get(person_id, tx, lock=True)
        person.must_be_kept()
        await _refuse_twin(cmd.email, tx, but=person.id)
        changed = cmd.apply_to(person)
        if person.active and person.successor_id:  # nobody stands in for one who is back
            person.successor_id = None
            changed.append("successor_id")
    if changed:
        what = f"changed {', '.join(sorted(changed))}"
        person.history.append(Change(at=tx.now, by=tx.scope.actor, what=what, why=cmd.why))
        tx.emit(
            PersonChanged(
                person_id=person.id,
                revision=told_revision(person, tx),
                changed=changed,
                roles=person.roles,
                by=tx.scope.actor,
                changed_at=tx.now,
            )
        )
    return person


async def _refuse_twin(email: str | None, tx: Transaction, *, but: UUID | None = None) -> None:
    """An address is one person's: by it they are found."""
    twin = await tx.first(Person, with_email(email)) if email else None
    if twin and twin.id != but:
        raise ThereAlready("There is one with this e-mail address already. Change it instead.", id=str(twin.id))


def told_revision(person: Person, tx: Transaction) -> int:
    """That of the record on the state topic that tells what this transaction makes of the person."""
    revision: int = tx.as_flushed(person.id)["revision"]
    return revision + 1


@router.post("/v1/people", status_code=201, dependencies=[allow("admin")])
async def create_person_route(cmd: CreatePerson, tx: Tx) -> PersonOut:
    return PersonOut.model_validate(await create_person(cmd, tx))


@router.patch("/v1/people/{person_id}", dependencies=[allow("admin")])
async def change_person_route(person_id: UUID, cmd: ChangePerson, tx: Tx) -> PersonOut:
    return PersonOut.model_validate(await change_person(person_id, cmd, tx))

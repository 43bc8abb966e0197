"""A new client and its secret, which is shown this once."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from libs.events.gateway import ClientCreated
from libs.kit.fields import Line, Text
from libs.kit.http import Command, Tx, allow
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from libs.store.ids import new_id
from services.gateway.identity.secrets import hashed, new_secret
from services.gateway.model.client import Client, Role
from services.gateway.model.history import Change
from services.gateway.model.person import must_be_active
from services.gateway.queries.clients import ClientOut, client_out
from services.gateway.use_cases.bindings import OWNERS, Owners, must_be_bound
from services.gateway.use_cases.sealing import sealed_router

router = sealed_router(tags=["clients"])
Accounts = Annotated[list[UUID], Field(max_length=1000)]
Rate = Annotated[int, Field(ge=1, le=1_000_000, description="requests per second; without it, as many as anybody")]


class NotThisPersonsRole(Unprocessable):
    """A client acts for a person in a role of theirs. None has a customer's: a customer's people are contacts."""


class ClientFields(Command):
    """What a client is bound to: see services.gateway.use_cases.bindings."""

    accounts: Accounts = Field(default_factory=list)
    partner_id: UUID | None = None
    depots: Annotated[list[UUID], Field(max_length=100)] = Field(default_factory=list)
    technician_id: UUID | None = None
    person_id: UUID | None = Field(None, description="for whom it acts: what it does, that person does")
    requests_per_second: Rate | None = None
    why: Text | None = None


class CreateClient(ClientFields):
    name: Line = Field(description="of the machine or its purpose; for whom it acts, `person_id` says")
    role: Role


class ClientWithSecret(ClientOut):
    secret: str


async def must_act_as(role: Role, person_id: UUID | None, tx: Transaction) -> None:
    """Raises UnknownPerson, NotThisPersonsRole."""
    if person_id:
        person = await must_be_active(person_id, tx, of="person_id")
        if role not in person.roles:
            raise NotThisPersonsRole(f"This person does not act as {role}.", field="person_id", roles=person.roles)


async def create_client(cmd: CreateClient, tx: Transaction) -> tuple[Client, str]:
    """Raises UnknownPerson, NotThisPersonsRole."""
    await must_act_as(cmd.role, cmd.person_id, tx)
    secret = new_secret()
    made = Change(at=tx.now, by=tx.scope.actor, what="created", why=cmd.why)
    client = Client(
        id=new_id(),
        secret_hash=await hashed(secret),
        created_at=tx.now,
        history=[made],
        **cmd.model_dump(exclude={"why"}),
    )
    tell_created(tx.add(client), tx)
    return client, secret


def tell_created(client: Client, tx: Transaction) -> None:
    tx.emit(ClientCreated(**client.facts(), role=client.role, by=tx.scope.actor, created_at=tx.now))


@router.post("/v1/clients", status_code=201, dependencies=[allow("admin")])
async def create_client_route(cmd: CreateClient, tx: Tx, owners: Owners) -> ClientWithSecret:
    bound = cmd.model_dump(include={*OWNERS})
    must_be_bound(cmd.role, bound)
    await owners.must_know(bound)
    client, secret = await create_client(cmd, tx)
    return ClientWithSecret(**(await client_out(client, tx)).model_dump(), secret=secret)

"""The clients there are; a secret is never among what is shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, is_set, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.store import Transaction
from services.gateway.model.client import Client, Role
from services.gateway.model.history import Change
from services.gateway.model.person import Person

router = Router(tags=["clients"])


class ClientOut(Out):
    """`name` is of the machine or its purpose; `person` is for whom it acts, under the name of now."""

    id: UUID
    name: str
    role: Role
    accounts: list[UUID]
    partner_id: UUID | None
    depots: list[UUID]
    technician_id: UUID | None
    person_id: UUID | None
    person: NamedPerson | None
    requests_per_second: int | None
    created_at: datetime
    disabled_at: datetime | None
    history: list[Change]


async def client_out(client: Client, tx: Transaction) -> ClientOut:
    """With the name of whom it acts for."""
    person = await Person.find(client.person_id, tx) if client.person_id else None
    return ClientOut.model_validate({**vars(client), "person": person and _named(person)})


def _named(person: Person) -> NamedPerson:
    if person.erased_at:
        return NamedPerson(id=person.id, name=None, state="erased")
    return NamedPerson(id=person.id, name=person.name)


class ClientList(Listing):
    q: Words = None
    role: Role | None = None
    person_id: UUID | None = None
    disabled: bool | None = Field(None, description="only those that are, or are not")
    sort: str = order("id", "name")


@router.get("/v1/clients", dependencies=[allow("admin")])
async def list_clients_route(tx: Tx, asked: Annotated[ClientList, Query()]) -> Page[ClientOut]:
    async def people_of(clients: Sequence[Client]) -> None:
        await tx.find_many(Person, [each.person_id for each in clients if each.person_id])

    ended = is_set(Client.c.disabled_at, asked.disabled)
    return await listed(tx, Client, asked, ended, out=lambda client: client_out(client, tx), beside=people_of)


@router.get("/v1/clients/{client_id}", dependencies=[allow("admin")])
async def get_client_route(client_id: UUID, tx: Tx) -> ClientOut:
    return await client_out(await Client.get(client_id, tx), tx)

"""The clients there are; a secret is never among what is shown."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import Query
from pydantic import Field

from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, is_set, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from services.gateway.model.client import Client, Role
from services.gateway.model.history import Change

router = Router(tags=["clients"])


class ClientOut(Out):
    id: UUID
    name: str
    role: Role
    accounts: list[UUID]
    partner_id: UUID | None
    depots: list[UUID]
    technician_id: UUID | None
    person_id: UUID | None
    requests_per_second: int | None
    created_at: datetime
    disabled_at: datetime | None
    history: list[Change]

    @classmethod
    def of(cls, client: Client) -> Self:
        return cls.model_validate(client)


class ClientList(Listing):
    q: Words = None
    role: Role | None = None
    person_id: UUID | None = None
    disabled: bool | None = Field(None, description="only those that are, or are not")
    sort: str = order("id", "name")


@router.get("/v1/clients", dependencies=[allow("admin")])
async def list_clients_route(tx: Tx, asked: Annotated[ClientList, Query()]) -> Page[ClientOut]:
    return await listed(tx, Client, asked, is_set(Client.c.disabled_at, asked.disabled), out=ClientOut.of)


@router.get("/v1/clients/{client_id}", dependencies=[allow("admin")])
async def get_client_route(client_id: UUID, tx: Tx) -> ClientOut:
    return ClientOut.of(await Client.get(client_id, tx))

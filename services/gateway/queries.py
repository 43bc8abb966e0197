"""The clients there are; a secret is never among what is shown."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from libs.kit.http import Router, Tx, allow
from libs.kit.paging import Page, Paging, page
from services.gateway.model.client import Change, Client, Role

router = Router(tags=["clients"])


class ClientOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    role: Role
    accounts: list[UUID]
    partner_id: UUID | None
    depots: list[UUID]
    technician_id: UUID | None
    requests_per_second: int | None
    created_at: datetime
    disabled_at: datetime | None
    history: list[Change]

    @classmethod
    def of(cls, client: Client) -> Self:
        return cls.model_validate(client)


@router.get("/v1/clients", dependencies=[allow("admin")])
async def list_clients(
    paging: Paging,
    tx: Tx,
    role: Role | None = None,
    disabled: Annotated[bool | None, Query(description="only those that are, or are not")] = None,
) -> Page[ClientOut]:
    where = [] if role is None else [Client.c.role == role]
    if disabled is not None:
        where.append(Client.c.disabled_at.is_not(None) if disabled else Client.c.disabled_at.is_(None))
    if key := paging.after(UUID):
        where.append(Client.c.id > key[0])
    clients = await tx.select(Client, *where, order_by=(Client.c.id,), limit=paging.limit + 1)
    return page([ClientOut.of(client) for client in clients], paging.limit, lambda client: (client.id,))


@router.get("/v1/clients/{client_id}", dependencies=[allow("admin")])
async def read_client(client_id: UUID, tx: Tx) -> ClientOut:
    return ClientOut.of(await Client.get(client_id, tx))

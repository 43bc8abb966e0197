"""A new secret for a client. The old one, and every token issued for it, is worth nothing within seconds."""

from uuid import UUID

from pydantic import BaseModel

from libs.kit.fields import Text
from libs.kit.http import Command, Tx, allow
from libs.store import Transaction
from services.gateway.identity.secrets import hashed, new_secret
from services.gateway.model.client import Client
from services.gateway.model.history import Change
from services.gateway.use_cases.change_client import tell_changed
from services.gateway.use_cases.sealing import sealed_router

router = sealed_router(tags=["clients"])


class RotateSecret(Command):
    why: Text | None = None


class NewSecret(BaseModel):
    client_id: UUID
    secret: str


async def rotate_secret(client_id: UUID, cmd: RotateSecret, tx: Transaction) -> str:
    client = await Client.get(client_id, tx, lock=True)
    secret = new_secret()
    client.take_secret(
        await hashed(secret), Change(at=tx.now, by=tx.scope.actor, what="rotated the secret", why=cmd.why)
    )
    tell_changed(client, ["secret"], tx)
    return secret


@router.post("/v1/clients/{client_id}/secret", status_code=201, dependencies=[allow("admin")])
async def rotate_secret_route(client_id: UUID, cmd: RotateSecret, tx: Tx) -> NewSecret:
    return NewSecret(client_id=client_id, secret=await rotate_secret(client_id, cmd, tx))

"""A client that may not call any more, from a few seconds on."""

from uuid import UUID

from libs.events.gateway import ClientDisabled
from libs.kit.fields import Text
from libs.kit.http import Router, Tx, allow
from libs.store import Transaction
from services.gateway.model.client import Client, an_admin_stays
from services.gateway.model.history import Change

router = Router(tags=["clients"])


async def disable_client(client_id: UUID, why: str | None, tx: Transaction) -> None:
    """Raises LastAdmin."""
    async with an_admin_stays(tx):
        client = await Client.get(client_id, tx, lock=True)
        if client.disable(Change(at=tx.now, by=tx.scope.actor, what="disabled", why=why)):
            tx.emit(ClientDisabled(client_id=client.id, by=tx.scope.actor, disabled_at=tx.now))


@router.delete("/v1/clients/{client_id}", status_code=204, dependencies=[allow("admin")])
async def disable_client_route(client_id: UUID, tx: Tx, why: Text | None = None) -> None:
    await disable_client(client_id, why, tx)

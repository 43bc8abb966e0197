"""A client's credentials for an access token."""

from uuid import UUID

from libs.store import Database, Scope
from services.gateway.identity.access_tokens import AccessTokens
from services.gateway.identity.secrets import matches
from services.gateway.model.client import Client

_READER = Scope.system("gateway")


async def issue_token(client_id: str, secret: str, database: Database, tokens: AccessTokens) -> str | None:
    """None for a client that is not, may not call, or has another secret: which of them is not told, nor how long it takes."""
    client, may_call = await _find(client_id, database)
    if not await matches(secret, client.secret_hash if client else None) or client is None or not may_call:
        return None
    return tokens.issue(client.id, client.secret_generation)


async def _find(client_id: str, database: Database) -> tuple[Client | None, bool]:
    try:
        id = UUID(client_id)
    except ValueError:
        return None, False
    async with database.transaction(_READER) as tx:
        client = await Client.find(id, tx)
        return client, client is not None and await client.may_call(tx)

"""A client's credentials for an access token."""

from uuid import UUID

from libs.store import Database, Scope
from services.gateway.identity.access_tokens import AccessTokens
from services.gateway.identity.secrets import matches
from services.gateway.model.client import Client

_READER = Scope.system("gateway")


async def issue_token(client_id: str, secret: str, database: Database, tokens: AccessTokens) -> str | None:
    """None for a client that is not, is disabled, or has another secret: which of them is not told, nor how long it takes."""
    client = await _find(client_id, database)
    if not await matches(secret, client.secret_hash if client else None) or client is None or client.disabled_at:
        return None
    return tokens.issue(client.id, client.secret_generation)


async def _find(client_id: str, database: Database) -> Client | None:
    try:
        id = UUID(client_id)
    except ValueError:
        return None
    async with database.transaction(_READER) as tx:
        return await Client.find(id, tx)

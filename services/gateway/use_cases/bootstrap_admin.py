"""The first admin, from the environment: somebody has to be able to make the others."""

from uuid import UUID

import structlog

from libs.store import Database, Scope
from services.gateway.identity.secrets import hashed
from services.gateway.model.client import Client
from services.gateway.model.history import Change
from services.gateway.use_cases.create_client import tell_created

log = structlog.get_logger()
_INSTALLER = Scope("worker", actor="system:installation")
"""Who sets the environment: the gateway does it by nobody's command, and not of itself."""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('polyplus bootstrap', 0))"


async def bootstrap_admin(database: Database, client_id: UUID, secret: str) -> None:
    """Makes it when there is no client of this id; one that is there keeps its own secret and state."""
    async with database.transaction(_INSTALLER) as tx:
        await tx.connection.execute(_LOCK)
        if await Client.find(client_id, tx):
            return
        made = Change(at=tx.now, by=tx.scope.actor, what="created", why="the first admin")
        client = tx.add(
            Client(
                id=client_id,
                name="first admin",
                role="admin",
                secret_hash=await hashed(secret),
                accounts=[],
                depots=[],
                created_at=tx.now,
                history=[made],
            )
        )
        tell_created(client, tx)
        log.info("made the first admin", client=str(client_id))

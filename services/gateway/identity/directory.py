"""The clients as the door needs them, many times a second: read at most every two seconds, so that a disabled one is soon refused."""

import asyncio
import time
from dataclasses import dataclass
from uuid import UUID

import structlog

from libs.kit.auth import LIFETIME_SECONDS, Principal, mint
from libs.kit.problems import Unauthenticated, Unavailable, as_problem
from libs.store import Database, Scope
from libs.store.reasons import reason
from services.gateway.identity.access_tokens import Access
from services.gateway.identity.keys import SigningKey
from services.gateway.model.client import Client

log = structlog.get_logger()
FRESH_SECONDS = 2.0
STALE_SECONDS = 60.0
_READER = Scope.system("gateway")
_RENEW_SECONDS = 60
_REMEMBERED = 10_000
_PATIENCE_SECONDS = 2.0


@dataclass(slots=True)
class Caller:
    """A client as it was a moment ago."""

    principal: Principal
    generation: int
    disabled: bool  # the client, or the person it acts for
    requests_per_second: int | None
    read_at: float
    _token: str = ""
    _renew_at: float = 0.0

    def internal_token(self, key: SigningKey) -> str:
        """What tells the services who calls; the same one until it is nearly over, so that they remember it."""
        now = time.time()
        if now >= self._renew_at:
            self._token, self._renew_at = mint(self.principal, key.private), now + LIFETIME_SECONDS - _RENEW_SECONDS
        return self._token


class Directory:
    """Reads each client once, however many requests ask at once."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[UUID, Caller] = {}
        self._reading: dict[UUID, asyncio.Task[Caller | None]] = {}

    async def caller(self, access: Access) -> Caller:
        """The client that an access token names. Raises Unauthenticated when it may not call any more."""
        found = self._known.get(access.client_id)
        # the token is signed: one of a newer generation than we know was issued since
        is_old = found is not None and found.generation < access.generation
        if found is None or is_old or time.monotonic() - found.read_at > FRESH_SECONDS:
            found = await self._read_once(access.client_id)
        if found is None or found.disabled or found.generation != access.generation:
            raise Unauthenticated("The token is not valid any more.")
        return found

    async def _read_once(self, client_id: UUID) -> Caller | None:
        task = self._reading.get(client_id)
        if task is None:
            task = self._reading[client_id] = asyncio.create_task(self._read(client_id))
            task.add_done_callback(lambda _: self._reading.pop(client_id, None))
        try:
            return await asyncio.wait_for(asyncio.shield(task), _PATIENCE_SECONDS)
        except TimeoutError as error:  # a database that stands still says nothing for a minute
            return self._stale(client_id, error)

    async def _read(self, client_id: UUID) -> Caller | None:
        known = self._known.get(client_id)
        try:
            async with self._database.transaction(_READER) as tx:
                client = await Client.find(client_id, tx)
                may_call = client is not None and await client.may_call(tx)
        except Exception as error:
            if as_problem(error) is None:
                raise
            return self._stale(client_id, error)
        if client is None:
            self._known.pop(client_id, None)
            return None
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        caller = Caller(
            client.principal,
            client.secret_generation,
            not may_call,
            client.requests_per_second,
            time.monotonic(),
        )
        if known and known.principal == caller.principal:
            caller._token, caller._renew_at = known._token, known._renew_at
        self._known[client_id] = caller
        return caller

    def _stale(self, client_id: UUID, error: Exception) -> Caller:
        """As it was known last, if that is not too long ago. Raises Unavailable."""
        known = self._known.get(client_id)
        if known is None or time.monotonic() - known.read_at > STALE_SECONDS:
            message = "The gateway's own database is out of reach; try again."
            raise Unavailable(message, dependency="gateway database") from error
        log.warning("the gateway's database does not answer; going by what is known", error=reason(error))
        return known

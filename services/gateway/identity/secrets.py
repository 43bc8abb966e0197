"""Client secrets: made here, kept as argon2id hashes (OWASP's parameters), compared without telling how far one got."""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_NOBODY = _hasher.hash(secrets.token_urlsafe(32))
_at_once = asyncio.Semaphore(2)
"""Each comparison takes 19 MiB and a core for tens of milliseconds."""


def new_secret() -> str:
    return secrets.token_urlsafe(32)


async def hashed(secret: str) -> str:
    async with _at_once:
        return await asyncio.to_thread(_hasher.hash, secret)


async def matches(secret: str, secret_hash: str | None) -> bool:
    """Whether it is the secret of this hash; as much work for a client that does not exist."""
    async with _at_once:
        return await asyncio.to_thread(_verify, secret, secret_hash)


def _verify(secret: str, secret_hash: str | None) -> bool:
    try:
        _hasher.verify(secret_hash or _NOBODY, secret)
    except (VerificationError, InvalidHashError):
        return False
    return secret_hash is not None

"""Who calls."""

import base64
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import Depends, Header, HTTPException

_KEY = load_pem_public_key(base64.b64decode(os.environ["PEER_PUBLIC_KEY"]))
_ROLES = {"customer", "reseller", "partner", "engineer", "manager", "admin"}
_STAFF = {"engineer", "manager", "admin"}


@dataclass(frozen=True)
class Caller:
    id: str
    name: str
    role: str
    accounts: tuple[UUID, ...]

    @property
    def actor(self) -> str:
        return f"{self.role}:{self.id}"

    @property
    def scope(self) -> str:
        return "staff" if self.role in _STAFF else "tenant"


@lru_cache(10_000)
def _caller(token: str) -> Caller:
    claims = jwt.decode(token, _KEY, algorithms=["EdDSA"], audience="polyplus-internal", issuer="polyplus-gateway")  # type: ignore[arg-type]
    return Caller(claims["sub"], claims["name"], claims["role"], tuple(map(UUID, claims["accounts"])))


async def caller(authorization: Annotated[str, Header()] = "") -> Caller:
    scheme, _, token = authorization.partition(" ")
    try:
        found = _caller(token)
    except jwt.InvalidTokenError:
        raise HTTPException(401, "The token is not valid here.") from None
    if scheme != "Bearer" or found.role not in _ROLES:
        raise HTTPException(403, "Not allowed.")
    return found


CurrentCaller = Annotated[Caller, Depends(caller)]

"""Access tokens: what a client shows at the door (RFC 9068 profile, EdDSA)."""

import time
from dataclasses import dataclass
from uuid import UUID

import jwt

from libs.kit.problems import Unauthenticated
from libs.store.ids import new_id
from services.gateway.identity.keys import SigningKey

AUDIENCE = "polyplus"
LIFETIME_SECONDS = 3600
_TYPE = "at+jwt"
_REQUIRED = ["exp", "iat", "aud", "iss", "sub", "gen"]


@dataclass(frozen=True, slots=True)
class Access:
    """What a verified token says."""

    client_id: UUID
    generation: int
    expires: float


class AccessTokens:
    """Issues and verifies them. One that was verified is remembered until it expires."""

    def __init__(self, key: SigningKey, issuer: str, *, remembered: int = 20_000) -> None:
        self._key, self._issuer, self._limit = key, issuer, remembered
        self._known: dict[str, Access] = {}

    def issue(self, client_id: UUID, generation: int) -> str:
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "jti": str(new_id()),
            "sub": str(client_id),
            "client_id": str(client_id),
            "gen": generation,
        }
        return jwt.encode(claims, self._key.private, algorithm="EdDSA", headers={"typ": _TYPE, "kid": self._key.id})

    def verify(self, authorization: str | None) -> Access:
        """What the token in an Authorization header says. Raises Unauthenticated."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("A bearer token is required; POST /oauth/token gives one.")
        now = time.time()
        known = self._known.get(token)
        if known is None:
            known = self._verified(token)
            if len(self._known) >= self._limit:
                self._known = {t: a for t, a in self._known.items() if a.expires > now}
            if len(self._known) < self._limit:
                self._known[token] = known
        if known.expires <= now:
            raise Unauthenticated("The token has expired.")
        return known

    def _verified(self, token: str) -> Access:
        try:
            claims = jwt.decode_complete(
                token,
                self._key.public,
                algorithms=["EdDSA"],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={
                    "require": _REQUIRED,
                    # another gateway's clock may be ahead; `exp` bounds it
                    "verify_iat": False,
                },
            )
            payload = claims["payload"]
            access = Access(UUID(payload["sub"]), int(payload["gen"]), float(payload["exp"]))
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Unauthenticated("The token is not valid here.") from error
        if claims["header"].get("typ") != _TYPE:
            raise Unauthenticated("The token is not an access token.")
        return access

"""Who is calling: the gateway's short-lived signed token, verified here. No other header is trusted."""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.kit.problems import Forbidden, Unauthenticated
from libs.store import Scope

ROLES = frozenset(
    {"customer", "reseller", "partner", "engineer", "manager", "depot", "technician", "ops", "integrator", "admin"}
)
STAFF = frozenset({"engineer", "manager", "depot", "technician", "ops", "admin"})
AUDIENCE = "polyplus-internal"
ISSUER = "polyplus-gateway"
LIFETIME_SECONDS = 300


@dataclass(frozen=True)
class Principal:
    """Who is calling and what they may see. `accounts` is empty for staff, who see all of them."""

    id: UUID
    name: str
    role: str
    accounts: frozenset[UUID] = frozenset()
    partner_id: UUID | None = None
    depot_id: UUID | None = None
    technician_id: UUID | None = None

    @property
    def staff(self) -> bool:
        return self.role in STAFF

    @property
    def scope(self) -> Scope:
        """What row-level security lets this caller touch. A cloud partner's rows are narrowed by its service's predicates."""
        kind = "staff" if self.staff or self.role == "partner" else "tenant"
        return Scope(kind, self.accounts, actor=f"{self.role}:{self.id}")

    def may_see(self, account_id: UUID | None) -> bool:
        """The predicate beside row-level security."""
        return self.staff or account_id in self.accounts


def mint(principal: Principal, key: Ed25519PrivateKey, *, lifetime: int = LIFETIME_SECONDS) -> str:
    """The internal token that the gateway sends along."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + lifetime, "sub": str(principal.id),
        "name": principal.name, "role": principal.role, "accounts": [str(a) for a in principal.accounts],
    }  # fmt: skip
    for name in ("partner_id", "depot_id", "technician_id"):
        if (value := getattr(principal, name)) is not None:
            claims[name] = str(value)
    return jwt.encode(claims, key, algorithm="EdDSA")


class Verifier:
    """Verifies internal tokens; one that was verified is remembered until it expires (a signature costs 140 µs)."""

    def __init__(self, key: Ed25519PublicKey, *, remembered: int = 10_000) -> None:
        self._key, self._limit = key, remembered
        self._known: dict[str, tuple[float, Principal]] = {}

    def principal(self, authorization: str | None) -> Principal:
        """The caller that an Authorization header names. Raises Unauthenticated."""
        if not authorization or not authorization.startswith("Bearer "):
            raise Unauthenticated("A bearer token is required.")
        token = authorization[7:]
        known = self._known.get(token)
        if known and known[0] > time.time():
            return known[1]
        try:
            claims = jwt.decode(
                token, self._key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER, leeway=30,
                options={"require": ["exp", "iat", "aud", "iss", "sub"], "verify_iat": False},  # `exp` bounds it
            )  # fmt: skip
        except jwt.InvalidTokenError as error:
            raise Unauthenticated("The token is not valid here.") from error
        principal = _principal(claims)
        if len(self._known) >= self._limit:
            self._known.clear()
        self._known[token] = (float(claims["exp"]), principal)
        return principal


def _principal(claims: dict[str, Any]) -> Principal:
    ids = {n: UUID(claims[n]) for n in ("partner_id", "depot_id", "technician_id") if n in claims}
    accounts = frozenset(UUID(a) for a in claims["accounts"])
    return Principal(UUID(claims["sub"]), claims["name"], claims["role"], accounts, **ids)


class Policy:
    """Which roles may call a route. Every route has one, or its service does not start."""

    def __init__(self, roles: frozenset[str]) -> None:
        unknown = roles - ROLES
        if unknown:
            raise ValueError(f"unknown roles: {sorted(unknown)}")
        self.roles = roles

    async def __call__(self) -> None:
        """As a route's dependency it is a mark: the route class has authenticated and checked before any dependency runs."""

    def check(self, principal: Principal) -> None:
        """Raises Forbidden."""
        if principal.role not in self.roles:
            raise Forbidden(f"A {principal.role} may not do this.", allowed=sorted(self.roles))


class Public(Policy):
    """A route for callers without an identity of ours (webhooks verify a signature themselves)."""

    def __init__(self) -> None:
        super().__init__(frozenset())

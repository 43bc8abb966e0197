"""Who is calling: the gateway's short-lived signed token, verified here. No other header is trusted."""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from libs.kit.problems import Forbidden, Unauthenticated, Unprocessable
from libs.store import NotFound, Scope

ROLES = frozenset(
    {"customer", "reseller", "partner", "engineer", "manager", "depot", "technician", "ops", "integrator", "admin"}
)
CUSTOMERS = frozenset({"customer", "reseller", "integrator"})
"""An account's own people and systems, and who acts for it: they name the accounts whose rows are theirs."""
STAFF = frozenset({"engineer", "manager", "ops", "admin"})
"""Support's own people, who see every account. A depot, a technician and a cloud partner see what they are bound to."""
ENGINEERS = frozenset({"engineer", "manager", "admin"})
"""Who works on cases."""
MANAGERS = frozenset({"manager", "admin"})
"""Who changes master data and policies."""
ACCOUNT_READERS = CUSTOMERS | STAFF
"""Who reads what is an account's. A depot and a technician find what they need of it on the RMA and the work order."""
CASE_READERS = ACCOUNT_READERS | {"partner"}
"""Who reads cases, and events, as they come or again."""
RMA_READERS = ACCOUNT_READERS | {"depot"}
DEPOT_READERS = STAFF | {"depot"}
VISIT_READERS = STAFF | {"customer", "reseller", "technician"}
ACCOUNT_KEEPERS = ENGINEERS | {"customer", "reseller"}
"""Who keeps an account's own data: its people and its reseller, and support for a caller."""
CASE_WRITERS = ACCOUNT_KEEPERS | {"partner"}
"""Who has a say on a case."""
STOCK_KEEPERS = MANAGERS | {"depot"}
AUDIENCE = "polyplus-internal"
ISSUER = "polyplus-gateway"
LIFETIME_SECONDS = 300
_IDS = ("partner_id", "technician_id", "person_id")


class AccountRequired(Unprocessable):
    """A caller of several accounts, or of all, has to say which one a command is about."""

    title = "The account is not said"


@dataclass(frozen=True)
class Principal:
    """Who is calling, and what they are bound to. `accounts` is empty for staff, who see all of them. `id` is the client's, `person_id`
    that of the person for whom it acts; a system acts for nobody."""

    id: UUID
    name: str
    role: str
    accounts: frozenset[UUID] = frozenset()
    partner_id: UUID | None = None
    depots: frozenset[UUID] = frozenset()
    technician_id: UUID | None = None
    person_id: UUID | None = None

    @property
    def staff(self) -> bool:
        """Whether every account's rows are this caller's to see: not so for a depot or a technician."""
        return self.role in STAFF

    @property
    def scope(self) -> Scope:
        """What row-level security lets this caller touch; it knows accounts alone. What a depot, a technician or a cloud
        partner sees is narrowed by the services' predicates."""
        kind = "tenant" if self.role in CUSTOMERS else "staff"
        return Scope(kind, self.accounts, actor=self.actor)

    @property
    def actor(self) -> str:
        """As histories and logs name it: the person, or the system."""
        return f"{self.role}:{self.person_id or self.id}"

    def may_see(self, account_id: UUID | None) -> bool:
        """Whether rows are this caller's to see because they are this account's."""
        return self.staff or account_id in self.accounts

    def account(self, wanted: UUID | None) -> UUID:
        """The account that a command is about; a caller with one account need not name it. Raises AccountRequired, NotFound."""
        if wanted is None:
            if len(self.accounts) != 1:
                raise AccountRequired("Say for which account: account_id.")
            (wanted,) = self.accounts
        if not self.may_see(wanted):
            raise NotFound("account", wanted)
        return wanted


def mint(principal: Principal, key: Ed25519PrivateKey, *, lifetime: int = LIFETIME_SECONDS) -> str:
    """The internal token that the gateway sends along."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + lifetime, "sub": str(principal.id),
        "name": principal.name, "role": principal.role, "accounts": [str(a) for a in principal.accounts],
        "depots": [str(d) for d in principal.depots],
    }  # fmt: skip
    for name in _IDS:
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
    ids = {n: UUID(claims[n]) for n in _IDS if n in claims}
    one = [claims["depot_id"]] if "depot_id" in claims else []  # as a gateway of the release before says it
    accounts, depots = (
        frozenset(map(UUID, named)) for named in (claims.get("accounts", ()), claims.get("depots", one))
    )
    return Principal(UUID(claims["sub"]), claims["name"], claims["role"], accounts, depots=depots, **ids)


class Allowed:
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


class Public(Allowed):
    """A route for callers without an identity of ours (webhooks verify a signature themselves)."""

    def __init__(self) -> None:
        super().__init__(frozenset())

"""What a client is bound to: the accounts, depots, partner or technician whose rows are its own. Their owners say whether they exist.

A client of a role that sees rows by such a binding and names none would see nothing, so it is not made.
"""

import asyncio
from collections.abc import Container, Mapping
from typing import Annotated, Any
from uuid import NAMESPACE_URL, UUID, uuid5

from fastapi import Depends, Request

from libs.kit.auth import CUSTOMERS, Principal, mint
from libs.kit.problems import Unavailable, Unprocessable
from services.gateway.door.upstreams import Upstreams
from services.gateway.identity.keys import SigningKey

OWNERS = {
    "accounts": ("entitlements", "/v1/accounts"),
    "depots": ("rma", "/v1/depots"),
    "partner_id": ("ecps", "/v1/partners"),
    "technician_id": ("onsite", "/v1/technicians"),
}
"""Each binding, the service that owns what it names, and where that service shows it."""
NEEDED = dict.fromkeys(CUSTOMERS, "accounts") | {
    "depot": "depots",
    "partner": "partner_id",
    "technician": "technician_id",
}
"""The binding without which a client of the role sees nothing."""
_ASKER = Principal(uuid5(NAMESPACE_URL, "urn:polyplus:gateway"), "gateway", "admin")
_AT_ONCE = 16
ALL_SECONDS = 10.0
"""For all answers: a transaction is open meanwhile, and the database ends one that idles for 30 s."""


class NotBound(Unprocessable):
    """The role sees rows by what its client is bound to, and this one is bound to nothing."""


class UnknownBinding(Unprocessable):
    """A client is bound to what exists."""


def must_be_bound(role: str, bound: Mapping[str, Any], *, changed: Container[str] = (*OWNERS,)) -> None:
    """Raises NotBound. A change that leaves the binding alone may leave it as it is."""
    needed = NEEDED.get(role)
    if needed and needed in changed and not bound[needed]:
        raise NotBound(f"A client of role {role} names its {needed}.", field=needed)


class AskOwners:
    """Asks the owners, in the gateway's own name, whether they know what a client is to be bound to."""

    def __init__(self, upstreams: Upstreams, key: SigningKey) -> None:
        self._upstreams, self._key = upstreams, key

    async def must_know(self, bound: Mapping[str, Any]) -> None:
        """Raises UnknownBinding; ServiceDown while an owner cannot be asked, Unavailable when all have not answered in time."""
        named = [(name, id) for name, value in bound.items() for id in _ids(value)]
        if not named:
            return
        token, limit = mint(_ASKER, self._key.private), asyncio.Semaphore(_AT_ONCE)

        async def known(name: str, id: UUID) -> bool:
            service, path = OWNERS[name]
            async with limit:
                return await self._upstreams.knows(service, f"{path}/{id}", token=token)

        asking = [asyncio.create_task(known(name, id)) for name, id in named]
        try:
            async with asyncio.timeout(ALL_SECONDS):
                found = await asyncio.gather(*asking)
        except TimeoutError:
            raise Unavailable("Not all owners of what it is bound to answered in time; try again.") from None
        finally:
            for each in asking:
                each.cancel()
        for (name, id), is_there in zip(named, found, strict=True):
            if not is_there:
                raise UnknownBinding(f"{OWNERS[name][0]} knows no {id}.", field=name, id=str(id))


def _ids(value: UUID | list[UUID] | None) -> list[UUID]:
    if value is None:
        return []
    return list(dict.fromkeys(value)) if isinstance(value, list) else [value]


async def _owners(request: Request) -> AskOwners:
    owners: AskOwners = request.app.state.owners
    return owners


Owners = Annotated[AskOwners, Depends(_owners)]

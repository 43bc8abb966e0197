"""Before somebody is erased, every service says what is open with them: the door asks, and refuses while anything is."""

import asyncio
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ValidationError

from libs.kit.auth import MANAGERS, Principal, mint
from libs.kit.open_work import Kind, OpenWork
from libs.kit.problems import Conflict
from services.gateway.door.upstreams import ServiceDown, ServiceTooSlow, Upstreams
from services.gateway.identity.keys import SigningKey
from services.gateway.routes import SERVICES

_KINDS: dict[str, Kind] = {"contacts": "contact", "people": "person"}
_ERASERS: dict[Kind, frozenset[str]] = {"contact": MANAGERS, "person": frozenset({"admin"})}
_ASKER = Principal(uuid5(NAMESPACE_URL, "urn:polyplus:gateway"), "gateway", "admin")
_NAMED = 5
"""Things that the refusal's sentence names; `open` has all that were found."""


class StillOpen(Conflict):
    """Something is open with whoever is to be erased: it ends first, or another one takes over."""


class _Answer(BaseModel):
    items: list[OpenWork]


class Erasing:
    """`POST /v1/contacts/{id}/erase` and the like, on their way to the service that carries them out."""

    def __init__(self, upstreams: Upstreams, key: SigningKey) -> None:
        self._upstreams, self._key = upstreams, key

    async def check(self, method: str, path: str, caller: Principal) -> None:
        """Whoever may not erase is refused by the owner, and told nothing here. Raises StillOpen, ServiceDown."""
        wanted = _erased(method, path)
        if wanted is None or caller.role not in _ERASERS[wanted[0]]:
            return
        kind, id = wanted
        token = mint(_ASKER, self._key.private)
        found = await asyncio.gather(*(self._open(service, kind, id, token) for service in SERVICES))
        if open := [each for of_one in found for each in of_one]:
            named = ", ".join(f"{each.what} {each.number or each.id}" for each in open[:_NAMED])
            raise StillOpen(
                f"Still open: {named}. Let it end, or let another one take over with /leave.",
                open=[each.model_dump(mode="json") for each in open],
                possible=["leave"],
            )

    async def _open(self, service: str, kind: Kind, id: UUID, token: str) -> list[OpenWork]:
        try:
            said = await self._upstreams.json(service, f"/internal/open-work?kind={kind}&id={id}", token=token)
            return _Answer.model_validate(said).items
        except ServiceTooSlow as slow:
            raise ServiceDown(service, slow.detail) from slow
        except ValidationError as error:
            raise ServiceDown(service) from error


def _erased(method: str, path: str) -> tuple[Kind, UUID] | None:
    match method, path.split("/"):
        case "POST", ["", "v1", str(resource), str(id), "erase"] if resource in _KINDS:
            try:
                return _KINDS[resource], UUID(id)
            except ValueError:
                return None
    return None

"""`/openapi.json`: the services' own documents, asked for now and then, the last known kept."""

import asyncio
import json
import time
from dataclasses import dataclass

import structlog

from libs.kit.problems import Problem
from services.gateway import routes
from services.gateway.documents import pages
from services.gateway.documents.components import Document
from services.gateway.documents.merging import merged
from services.gateway.door.upstreams import Upstreams

log = structlog.get_logger()
FRESH_SECONDS = 15.0
AGAIN_SECONDS = 2.0
"""Until one that does not describe itself is asked again."""


@dataclass
class _Seen:
    document: Document | None = None
    until: float = 0.0


@dataclass(frozen=True)
class Rendered:
    """As it is sent: to put it together takes longer than thousands of requests may wait."""

    json: bytes
    page: bytes


class OpenApi:
    """One document for all services. A service that never answered is named in `x-unavailable`."""

    def __init__(self, own: Document, upstreams: Upstreams, token_url: str) -> None:
        self._own, self._upstreams, self._token_url = own, upstreams, token_url
        self._seen = {service: _Seen() for service in routes.SERVICES}
        self._rendered: Rendered | None = None
        self._looking = asyncio.Lock()

    async def rendered(self) -> Rendered:
        """The same until a service says something else."""
        async with self._looking:
            await asyncio.gather(*(self._look(service, seen) for service, seen in self._seen.items()))
            if self._rendered is None:
                document = self._merged()
                self._rendered = Rendered(_json(document), pages.docs(document).encode())
            return self._rendered

    def _merged(self) -> Document:
        known = {service: seen.document for service, seen in self._seen.items() if seen.document is not None}
        document = merged({routes.GATEWAY: self._own, **known}, self._token_url)
        if missing := [service for service in routes.SERVICES if service not in known]:
            document["x-unavailable"] = missing
        return document

    async def _look(self, service: str, seen: _Seen) -> None:
        if time.monotonic() < seen.until:
            return
        try:
            document = await self._upstreams.json(service, "/openapi.json")
        except Problem as problem:
            log.warning("a service does not describe itself", upstream=service, error=problem.detail)
            document = {}
        is_one = "openapi" in document
        seen.until = time.monotonic() + (FRESH_SECONDS if is_one else AGAIN_SECONDS)
        if is_one and document != seen.document:
            seen.document, self._rendered = document, None


def _json(document: Document) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

"""`/openapi.json`: the services' own documents, asked for now and then, the last known kept."""

import asyncio
import time
from dataclasses import dataclass

import structlog

from libs.kit.problems import Problem
from services.gateway import routes
from services.gateway.documents.merging import Document, merged
from services.gateway.door.upstreams import Upstreams

log = structlog.get_logger()
FRESH_SECONDS = 15.0


@dataclass
class _Seen:
    document: Document
    at: float


class OpenApi:
    """One document for all services. A service that never answered is named in `x-unavailable`."""

    def __init__(self, own: Document, upstreams: Upstreams, token_url: str) -> None:
        self._own, self._upstreams, self._token_url = own, upstreams, token_url
        self._seen: dict[str, _Seen] = {}

    async def document(self) -> Document:
        await asyncio.gather(*(self._look(service) for service in routes.SERVICES))
        known = {service: self._seen[service].document for service in routes.SERVICES if service in self._seen}
        document = merged({routes.GATEWAY: self._own, **known}, self._token_url)
        if missing := [service for service in routes.SERVICES if service not in known]:
            document["x-unavailable"] = missing
        return document

    async def _look(self, service: str) -> None:
        seen = self._seen.get(service)
        if seen and time.monotonic() - seen.at < FRESH_SECONDS:
            return
        try:
            document = await self._upstreams.json(service, "/openapi.json")
        except Problem as problem:
            log.warning("a service does not describe itself", upstream=service, error=problem.detail)
            return
        if "openapi" in document:
            self._seen[service] = _Seen(document, time.monotonic())

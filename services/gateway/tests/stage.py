"""The door on a real port, with small services behind it that say what they were asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from libs.kit.edge import Edge
from libs.store import Database
from libs.store.ids import new_id
from services.gateway.app import service
from services.gateway.identity.access_tokens import AccessTokens
from services.gateway.identity.keys import SigningKey
from services.gateway.model.client import Client
from services.gateway.routes import SERVICES
from services.gateway.settings import DoorSettings
from tests.support.harness import Harness
from tests.support.serving import Served, serving

KEY = SigningKey(Ed25519PrivateKey.generate())
ISSUER = "http://gateway.test"


def echo() -> FastAPI:
    """All services in one: each under its name, answering with what it was sent. Some last segments do something else, and
    nobody knows the id of zeros."""
    app = FastAPI(redirect_slashes=False, openapi_url=None)
    app.state.seen = []

    @app.api_route("/{name}/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def anything(name: str, path: str, request: Request) -> Response:
        body = await request.body()
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers.raw]
        asked = {
            "service": name,
            "method": request.method,
            "path": request.scope["raw_path"].decode().removeprefix(f"/{name}"),
            "query": request.url.query,
            "headers": headers,
            "size": len(body),
            "body": body[:1000].decode("latin-1"),
        }
        if path.startswith("v1/"):
            app.state.seen.append(asked)
        return await _answer(path, asked, request)

    return app


async def _answer(path: str, asked: dict[str, Any], request: Request) -> Response:
    match path.rpartition("/")[2]:
        case "open-work":
            return Response('{"items": []}', media_type="application/json")
        case "00000000-0000-0000-0000-000000000000":
            return Response(status_code=404)
        case "slow":
            await asyncio.Event().wait()
        case "redirect":
            return Response(
                status_code=307, headers={"location": f"{request.base_url}entitlements/v1/accounts/elsewhere"}
            )
        case "large":

            async def chunks() -> AsyncIterator[bytes]:
                for _ in range(64):
                    yield b"x" * 65536

            return StreamingResponse(chunks())
        case "told":
            headers = {
                "x-polyplus-secret": "1",
                "x-internal-hint": "2",
                "server": "inner",
                "etag": '"7"',
                "connection": "x-hop",
                "x-hop": "1",
            }
            return Response(json.dumps(asked), 201, headers, "application/json")
        case "overloaded":
            return Response("Service Unavailable", 503, media_type="text/plain")
    return Response(json.dumps(asked), media_type="application/json")


class Stage:
    """`client(role)` makes a client and gives an HTTP client that carries its token."""

    def __init__(self, database: Database, url: str) -> None:
        self.database, self.tokens = database, AccessTokens(KEY, ISSUER)
        self.urls = {name: f"{url}/{name}" for name in SERVICES}
        self.url = ""
        self.gateway: Harness
        self._stack: AsyncExitStack
        self._own: dict[str, AsyncExitStack]

    @asynccontextmanager
    async def test(self, gateway: Harness, seen: list[dict[str, Any]]) -> AsyncIterator["Stage"]:
        """For one test: what it starts ends with it."""
        urls = dict(self.urls)
        self.gateway, self.seen, self._own = gateway, seen, {}
        seen.clear()
        async with AsyncExitStack() as self._stack:
            yield self
        self.urls = urls

    async def start(self, name: str, app: Any, stopping: asyncio.Event | None = None) -> None:
        """Serves a service on a port of its own, again where it was before."""
        stack = AsyncExitStack()
        port = int(self.urls[name].rpartition(":")[2]) if name in self._own else 0
        server = await stack.enter_async_context(serving(app, port=port, stopping=stopping))
        self.urls[name], self._own[name] = server.url, stack
        self._stack.push_async_callback(stack.aclose)

    async def stop(self, name: str) -> None:
        await self._own[name].aclose()

    async def open(self, **changed: Any) -> Served:
        """A door of the test's own; `changed` settings differ from the defaults. `troubles`: what its worker says of itself."""
        return await self._stack.enter_async_context(self.door(**changed))

    async def open_with_ops(self, **changed: Any) -> tuple[Served, Served]:
        """The same, and beside it what those who run it ask."""
        door, ops = self._doors(0, changed)
        return await self._stack.enter_async_context(door), await self._stack.enter_async_context(ops)

    def door(self, port: int = 0, **changed: Any) -> AbstractAsyncContextManager[Served]:
        return self._doors(port, changed)[0]

    def _doors(
        self, port: int, changed: dict[str, Any]
    ) -> tuple[AbstractAsyncContextManager[Served], AbstractAsyncContextManager[Served]]:
        defaults: dict[str, Any] = {"requests_per_second": 100_000}
        troubles = changed.pop("troubles", None)
        settings = DoorSettings(url=ISSUER, key=KEY, services=dict(self.urls), **(defaults | changed))
        stopping = asyncio.Event()
        door, ops = service.door(self.database, settings, stopping, troubles)
        edge = Edge(settings.limits, settings.trusted_proxies)
        return serving(door, stopping=stopping, port=port, lifespan="on", edge=edge), serving(ops)

    async def make(self, role: str = "engineer", **fields: Any) -> UUID:
        """A client of this role, without a secret that anybody knows."""
        given: dict[str, Any] = {"role": role, "accounts": [], "depots": [], **fields}
        async with self.gateway.transaction() as tx:
            client = Client(
                id=new_id(),
                name=f"the {role}",
                secret_hash=given.pop("secret_hash", "-"),
                created_at=tx.now,
                history=[],
                **given,
            )
            return tx.add(client).id

    def token(self, client_id: UUID) -> str:
        return self.tokens.issue(client_id, 1)

    async def client(self, role: str = "engineer", *, url: str = "", **fields: Any) -> httpx.AsyncClient:
        client_id = await self.make(role, **fields)
        return await self.http(url, authorization=f"Bearer {self.token(client_id)}")

    async def http(self, url: str = "", **headers: str) -> httpx.AsyncClient:
        http = httpx.AsyncClient(base_url=url or self.url, headers=headers, trust_env=False, timeout=10, verify=False)  # noqa: S501
        return await self._stack.enter_async_context(http)


def headers_of(answer: httpx.Response) -> dict[str, str]:
    """What the service behind the door got."""
    return dict(answer.json()["headers"])

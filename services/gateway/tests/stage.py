"""The door on a real port, with small services behind it that say what they were asked."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Self
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from services.gateway.app import service
from services.gateway.identity.access_tokens import AccessTokens
from services.gateway.identity.keys import SigningKey
from services.gateway.routes import SERVICES
from services.gateway.settings import DoorSettings
from tests.support.harness import Harness
from tests.support.serving import Served, serving

KEY = SigningKey(Ed25519PrivateKey.generate())
ISSUER = "http://gateway.test"
ADMIN, ADMIN_SECRET = uuid4(), "the first admin's secret, long enough"


def echo(name: str) -> FastAPI:
    """Answers with what it was sent; `/v1/<resource>/…` paths that begin so do something else."""
    app = FastAPI(title=name, redirect_slashes=False, docs_url=None, redoc_url=None)
    seen: list[dict[str, Any]] = []
    app.state.seen = seen

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> dict[str, str]:
        return {"status": "ready"}

    @app.api_route("/{path:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    async def anything(path: str, request: Request) -> Response:
        body = await request.body()
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in request.headers.raw]
        asked = {
            "service": name, "method": request.method, "path": request.scope["raw_path"].decode(),
            "query": request.url.query, "headers": headers, "size": len(body), "body": body[:1000].decode("latin-1"),
        }  # fmt: skip
        seen.append(asked)
        return await _answer(path, asked, request)

    return app


async def _answer(path: str, asked: dict[str, Any], request: Request) -> Response:
    match path.rpartition("/")[2]:
        case "slow":
            await asyncio.Event().wait()
        case "redirect":
            return Response(status_code=307, headers={"location": f"{request.base_url}v1/accounts/elsewhere"})
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

    def __init__(self, gateway: Harness) -> None:
        self.gateway = gateway
        self.tokens = AccessTokens(KEY, ISSUER)
        self.behind: dict[str, FastAPI] = {name: echo(name) for name in SERVICES}
        self.urls: dict[str, str] = {}
        self.url = ""
        self._stack = AsyncExitStack()
        self._served: dict[str, AsyncExitStack] = {}

    @asynccontextmanager
    async def up(self, **settings: Any) -> AsyncIterator[Self]:
        """With one real server for all the services, each told apart by its port."""
        async with self._stack:
            for name in SERVICES:
                await self.start(name)
            self.door = await self.open(**settings)
            self.url = self.door.url
            yield self

    async def start(self, name: str) -> None:
        """Serves a service, again where it was before."""
        stack = AsyncExitStack()
        port = int(self.urls[name].rpartition(":")[2]) if name in self.urls else 0
        app = self.behind[name]
        stopping = getattr(app.state, "stopping", None)
        server = await stack.enter_async_context(serving(app, port=port, stopping=stopping))
        self.urls[name], self._served[name] = server.url, stack
        self._stack.push_async_callback(stack.aclose)

    async def stop(self, name: str) -> None:
        await self._served[name].aclose()
        app = self.behind[name]
        if hasattr(app.state, "stopping"):
            app.state.stopping = asyncio.Event()

    async def open(self, **changed: Any) -> Served:
        """A door of its own; `changed` settings differ from the defaults."""
        defaults: dict[str, Any] = {"bootstrap_admin": (ADMIN, ADMIN_SECRET), "requests_per_second": 100_000}
        settings = DoorSettings(url=ISSUER, key=KEY, services=self.urls, **(defaults | changed))
        stopping = asyncio.Event()
        door = service.door(self.gateway.database, settings, stopping)
        return await self._stack.enter_async_context(serving(door, stopping=stopping, lifespan="on"))

    async def make(self, role: str = "engineer", **fields: Any) -> UUID:
        """A client of this role; its secret is nobody's business."""
        answer = await self.gateway.post("/v1/clients", {"name": f"the {role}", "role": role, **fields}, role="admin")
        assert answer.status_code == 201, answer.text
        return UUID(answer.json()["id"])

    def token(self, client_id: UUID) -> str:
        return self.tokens.issue(client_id, 1)

    async def client(self, role: str = "engineer", **fields: Any) -> httpx.AsyncClient:
        client_id = await self.make(role, **fields)
        return await self.http(authorization=f"Bearer {self.token(client_id)}")

    async def http(self, url: str = "", **headers: str) -> httpx.AsyncClient:
        http = httpx.AsyncClient(base_url=url or self.url, headers=headers, trust_env=False, timeout=10)
        return await self._stack.enter_async_context(http)

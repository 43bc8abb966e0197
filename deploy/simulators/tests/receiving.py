"""Real HTTP around a simulator: a server on a free port, and a receiver of webhooks that checks every signature."""

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from deploy.local.waiting import until_async
from deploy.simulators.process import server_of

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
PATIENCE = 20.0


def free_socket() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


def url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()
    return f"http://{host}:{port}"


@asynccontextmanager
async def serving(app: ASGIApp, listening: socket.socket) -> AsyncIterator[None]:
    """The app answers on this socket."""
    server = server_of(app)
    running = asyncio.create_task(server.serve([listening]))
    try:
        await until_async(
            lambda: server.started or running.done(), seconds=PATIENCE, otherwise="the server never started"
        )
        yield
    finally:
        server.should_exit = True
        await asyncio.wait_for(running, PATIENCE)


class Receiver:
    """The service that is told. `answer` is the status it gives; what it took with 2xx is in `heard`, in order."""

    def __init__(self) -> None:
        self.listening = free_socket()
        self.root = url_of(self.listening)
        self.url = f"{self.root}/v1/events"
        self.answer = 204
        self.attempts: list[str] = []
        self.heard: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.app = Starlette(routes=[Route("/v1/{what}", self._hear, methods=["POST"])])

    async def _hear(self, request: Request) -> Response:
        body = await request.body()
        notice, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        assert abs(time.time() - int(at)) < 60, "the timestamp is the real time of the attempt"
        expected = hmac.digest(KEY, f"{notice}.{at}.".encode() + body, hashlib.sha256)
        assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(expected).decode()}"
        self.attempts.append(notice)
        if self.answer < 300:
            self.heard.append(json.loads(body))
            self.ids.append(notice)
        return Response(status_code=self.answer)

    def told(self, name: str) -> list[Any]:
        """One field of everything heard."""
        return [notice[name] for notice in self.heard]

    async def hears(self, count: int) -> None:
        await until_async(
            lambda: len(self.heard) >= count, seconds=PATIENCE, otherwise=f"{count} notices never came: {self.heard}"
        )

    async def is_tried(self, count: int) -> None:
        await until_async(
            lambda: len(self.attempts) >= count, seconds=PATIENCE, otherwise=f"{count} attempts never came"
        )

"""An ASGI app behind a real socket, for tests in which HTTP itself matters."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from libs.kit.connection import edge_config
from libs.kit.edge import Edge
from libs.kit.service import Server


class Served(Server):
    """A running server; `url` is where, `stopping` what the process is told when it ends."""

    url: str

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config, stopping)
        self.stopping, self._started = stopping, asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.url = f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}"
        self._started.set()

    async def wait_started(self) -> None:
        async with asyncio.timeout(10):
            await self._started.wait()


@asynccontextmanager
async def serving(
    app: Any, *, stopping: asyncio.Event | None = None, port: int = 0, lifespan: Any = "off", edge: Edge | None = None
) -> AsyncIterator[Served]:
    """Serves `app` on a free port of this machine until the block ends; behind an edge, or as services are."""
    how: dict[str, Any] = {"port": port, "lifespan": lifespan, "timeout_graceful_shutdown": 3}
    if edge:
        config = edge_config(edge, app, **how)
    else:
        config = uvicorn.Config(app, log_config=None, proxy_headers=False, server_header=False, ws="none", **how)
    server = Served(config, stopping or asyncio.Event())
    task = asyncio.create_task(server.serve())
    started = asyncio.create_task(server.wait_started())
    await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    if task.done():
        task.result()
    try:
        yield server
    finally:
        server.stopping.set()
        server.should_exit = True
        await task

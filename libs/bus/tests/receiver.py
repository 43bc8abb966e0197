"""Somebody else's HTTP server on this machine, which a test tells how to behave."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Receiver:
    """`calls` counts by path; a path begins to answer once it is in `answers`, and waits for `release` when it begins with /slow."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.answers: dict[str, Answer] = {}
        self.release = asyncio.Event()
        self.url = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.calls[path] += 1
        self.under_way[path] += 1
        self.most[path] = max(self.most[path], self.under_way[path])
        try:
            if path.startswith("/slow"):
                await self.release.wait()
            made = self.answers.get(path)
            return await made(request) if made else web.json_response({"path": path})
        finally:
            self.under_way[path] -= 1


@asynccontextmanager
async def a_receiver() -> AsyncIterator[Receiver]:
    receiver, app = Receiver(), web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}"
    try:
        yield receiver
    finally:
        receiver.release.set()
        await runner.cleanup()

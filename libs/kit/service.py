"""What a service is made of, and how its process runs: the API, the worker, or both."""

import asyncio
import gc
import os
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from types import FrameType
from urllib.parse import urlsplit

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp

from libs.bus import Handlers, Jobs, Lanes, Timers
from libs.bus.projections import Rebuildable
from libs.bus.replicas import Replicas, named
from libs.bus.standing import trouble
from libs.bus.waking import notify_workers
from libs.bus.worker import Worker
from libs.events import State
from libs.kit import problems, telemetry
from libs.kit.auth import Verifier
from libs.kit.health import Check, health_router
from libs.kit.http import Router, locate
from libs.kit.open_work import Ask, Kind, open_work_router
from libs.kit.requests import Requests
from libs.kit.settings import Settings
from libs.kit.vitals import watch_vitals
from libs.store import Database

REQUEST_SPANS: TelemetryConfig = {
    "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
    "exclude": lambda scope: not scope["path"].startswith("/v1/"),
}  # fmt: skip
"""FastAPI's own span of each request, for callers' routes; nothing else of what it offers."""
log = structlog.get_logger()
END_SECONDS = 30.0  # after the last request has been answered, which may take 20; the loops' own patience is 25
_DEAF_MILLISECONDS = 30_000
ROLES = ("all", "api", "worker")
Setup = Callable[[FastAPI], Awaitable[None]]


class Service:
    """The wiring of one service, readable in one breath in its `app.py`."""

    def __init__(
        self,
        name: str,
        routers: Sequence[Router],
        handlers: Handlers,
        timers: Timers | None = None,
        jobs: Jobs | None = None,
        states: Sequence[type[State]] = (),
        setup: Setup | None = None,
        projections: Sequence[Rebuildable] = (),
        journal: tuple[str, str, str] | None = None,
        replicas: Replicas | None = None,
        open_work: Mapping[Kind, Ask] | None = None,
        lanes: Lanes | None = None,
    ) -> None:
        """`states`: what it tells on compacted topics; the relay sends these in transactions. `setup` runs once
        when the API starts, for what a service keeps in `app.state` beyond the database. `projections`: the tables that
        `polyplus rebuild` reads anew from the log. `journal`: a table that only grows, by which column, and its column of time, which
        `POLYPLUS_KEEP_<SERVICE>_DAYS` may bound. `replicas`: what it keeps of others' states. `open_work`: what is open with a person."""
        self.name, self.handlers = name, handlers
        self.routers = [*routers, open_work_router(open_work or {})]
        self.timers = Timers(name) if timers is None else timers
        self.jobs, self.lanes = Jobs(name) if jobs is None else jobs, Lanes(name) if lanes is None else lanes
        self.setup, self.state_topics = setup, sorted({state.contract.topic for state in states})
        self.replicas = replicas or Replicas(name)
        self.projections, self.journal = [*projections, *self.replicas.kept.values()], journal

    def app(self, database: Database, verifier: Verifier, checks: Mapping[str, Check] | None = None) -> FastAPI:
        """The API over an open database. Raises RouteWithoutPolicy for a route that does not say who may call it."""

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            if self.setup:
                await self.setup(app)
            yield

        app = FastAPI(
            title=f"Poly+ {self.name}", version="1", lifespan=lifespan, docs_url=None, redoc_url=None,
            telemetry=REQUEST_SPANS, redirect_slashes=False,
        )  # fmt: skip
        app.state.database, app.state.verifier, app.state.stopping = database, verifier, asyncio.Event()
        problems.install(app)
        app.add_middleware(Requests, inside=True, times=True)
        found = {"database": lambda: database_answers(database), **(checks or {})}
        app.include_router(health_router(found, self.troubles(database)))
        for router in self.routers:
            app.include_router(router)
        locate(route for router in self.routers for route in router.routes)
        return app

    def troubles(self, database: Database) -> Mapping[str, Check]:
        """What readiness says beside: how the consumer stands, in whichever processes it runs."""
        names = {"consumer": self.handlers.consumer} if self.handlers.topics else {}
        names |= {f"replicas of {topic}": named(self.name, topic) for topic in self.replicas.topics}
        return {check: partial(trouble, database, name) for check, name in names.items()}

    def worker(self, database: Database, settings: Settings) -> Worker:
        """The background half over an open database."""
        return Worker(
            self.handlers, self.timers, self.jobs, database, settings, self.state_topics, self.replicas, self.lanes
        )

    def run(self, role: str = "all") -> None:
        """Runs the process until SIGTERM or SIGINT; what has begun is finished first."""
        import uvloop

        telemetry.configure(self.name)
        send_last_spans = telemetry.record_spans(self.name)
        try:
            uvloop.run(self._serve(Settings.read(self.name, self.journal), role))
        finally:
            send_last_spans()

    async def _serve(self, settings: Settings, role: str) -> None:
        database = await Database.connect(settings.database_url)
        worker = self.worker(database, settings) if role != "api" else None
        checks = worker.checks() if worker else {}
        app = (
            self.app(database, Verifier(settings.public_key), checks)
            if role != "worker"
            else _health_only(database, checks, self.troubles(database))
        )
        address = urlsplit(settings.url)
        config = uvicorn.Config(
            app, host=address.hostname or "127.0.0.1", port=address.port or 80, log_config=None, access_log=False,
            server_header=False, timeout_graceful_shutdown=20, limit_concurrency=1000, proxy_headers=False, ws="none",
            reset_contextvars=True,
        )  # fmt: skip
        stop = asyncio.Event()
        watched = {"database": lambda: database_answers(database), **checks}
        tasks = [asyncio.create_task(watch_vitals(database, watched, stop), name="vitals")]
        if not worker:
            tasks.append(asyncio.create_task(notify_workers(database, stop), name="notify"))
        try:
            if worker:
                await worker.start()
            gc.collect()
            gc.freeze()  # what start-up made is never garbage: p99 falls by three quarters
            await Server(config, app.state.stopping).serve()
        finally:
            end_within(END_SECONDS)
            stop.set()
            await asyncio.gather(*tasks)
            if worker:
                await worker.stop()
            await asyncio.wait_for(database.close(), 10)


def end_within(seconds: float) -> None:
    """Ends the process by force when it has not ended by itself by then: a peer that is silent at the wrong moment can hold a
    driver's clean-up for ever, and everything is as safe as after a crash."""

    def give_up() -> None:
        log.critical("the process did not end in time; it ends by force", seconds=seconds)
        os._exit(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()


class Server(uvicorn.Server):
    """Sets `stopping` when the process is told to end: a response without an end has to end by itself, or ending waits for it.

    A peer that takes nothing any more, though it is there, loses its connection after a while (on Linux): closing one waits for
    what is still to be sent.
    """

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            for listening in [each for server in self.servers for each in server.sockets]:
                with socket.socket(
                    fileno=os.dup(listening.fileno())
                ) as ours:  # connections get it from the listening one
                    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _DEAF_MILLISECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._stopping.set()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn raises the signal once more when it has served: that would end the process before its worker."""
        with super().capture_signals():
            yield
            self._captured_signals.clear()


class Aside(uvicorn.Server):
    """A second server in a process that has one already, for those who run it; signals are the other's business."""

    def __init__(self, app: ASGIApp, url: str) -> None:
        place = urlsplit(url)
        config = uvicorn.Config(
            app, host=place.hostname or "127.0.0.1", port=place.port or 80, log_config=None, access_log=False, ws="none",
            server_header=False, proxy_headers=False, limit_concurrency=100, lifespan="off", timeout_graceful_shutdown=1,
        )  # fmt: skip
        super().__init__(config)
        self._opened, self._serving = asyncio.Event(), asyncio.create_task(self.serve(), name="aside")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._opened.set()

    async def open(self) -> None:
        """Returns when it listens."""
        await self._opened.wait()

    async def close(self) -> None:
        self.should_exit = True
        await self._serving

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def database_answers(database: Database) -> None:
    """The check of readiness that every process has; raises what is wrong."""
    async with database.pool.acquire(timeout=1) as connection:
        await connection.fetchval("SELECT 1", timeout=1)


def _health_only(database: Database, checks: Mapping[str, Check], troubles: Mapping[str, Check]) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.stopping = asyncio.Event()
    problems.install(app)
    app.include_router(health_router({"database": lambda: database_answers(database), **checks}, troubles))
    return app

"""How a simulator runs: settings from the environment, its background work, health, and a server whose connections can drop."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import structlog
import uvicorn
from fastapi import FastAPI, Query
from pydantic import BaseModel
from starlette.types import ASGIApp

from deploy.simulators.clock import SandboxClock
from deploy.simulators.faults import DroppableProtocol, FaultSwitch, FaultyDoor
from deploy.simulators.memory import Memory
from deploy.simulators.webhooks import Notifier, secret_bytes

log = structlog.get_logger()
Work = Callable[[], Coroutine[Any, Any, None]]
_RESTART_SECONDS = 1.0


@dataclass(frozen=True)
class Place:
    """Where a simulator listens, whom it tells, with what secret (`whsec_…`), and where it remembers."""

    url: str
    notify_url: str
    secret: str
    file: Path

    @classmethod
    def from_environment(cls, name: str, receiver: str, path: str) -> "Place":
        """Ends the process with one clear line when something is missing or wrong."""

        def needed(variable: str) -> str:
            value = os.environ.get(variable)
            if not value:
                raise SystemExit(f"{name}: {variable} is not set; `polyplus env` lists what a process needs.")
            return value

        secret_name = f"POLYPLUS_{name.upper()}_WEBHOOK_SECRET"
        secret = needed(secret_name)
        try:
            secret_bytes(secret)
        except ValueError as wrong:
            raise SystemExit(f"{name}: {secret_name}: {wrong}") from None
        return cls(
            url=needed(f"POLYPLUS_{name.upper()}_URL").rstrip("/"),
            notify_url=needed(f"POLYPLUS_{receiver.upper()}_URL").rstrip("/") + path,
            secret=secret,
            file=Path(os.environ.get("POLYPLUS_HOME", ".polyplus")) / "simulators" / f"{name}.sqlite",
        )


async def _keep_at(work: Work) -> None:
    """A mistake in background work is told at once, and the work goes on."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("background work failed; it begins again")
            await asyncio.sleep(_RESTART_SECONDS)
        else:
            return


class State(BaseModel):
    """The sandbox time and offset, when something moves by itself next, and how many notices are still owed."""

    now: datetime
    offset_seconds: float
    next_due: datetime | None
    owed_notices: int


@dataclass
class Company:
    """The outside company's insides, made anew for each process."""

    place: Place
    clock: SandboxClock = field(default_factory=SandboxClock)
    faults: FaultSwitch = field(default_factory=FaultSwitch)

    def __post_init__(self) -> None:
        self.memory = Memory(self.place.file)
        self.notifier = Notifier(self.memory, self.faults, self.place.notify_url, self.place.secret)

    def app(self, title: str, *work: Work) -> FastAPI:
        """An app with health, `/simulate/faults`, `/simulate/state`, and `work` running beside it for as long as it lives."""

        @asynccontextmanager
        async def alive(_: FastAPI) -> AsyncIterator[None]:
            tasks = [asyncio.create_task(_keep_at(each)) for each in (self.notifier.run, self.clock.follow, *work)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
                self.memory.close()

        app = FastAPI(title=title, version="1", lifespan=alive)
        app.add_middleware(FaultyDoor, switch=self.faults)
        app.include_router(self.faults.router())

        @app.get("/healthz", include_in_schema=False)
        @app.get("/readyz", include_in_schema=False)
        async def healthy() -> dict[str, str]:
            self.memory.owed()
            return {"status": "ok"}

        @app.get("/simulate/state", tags=["simulate"])
        async def show_state(of: Annotated[list[str] | None, Query()] = None) -> State:
            """Where the clock stands here, and what is still to come: of everything, or of these shipments or tickets."""
            due = self.memory.next_due(of)
            next_due = None if due is None else datetime.fromtimestamp(due, UTC)
            return State(
                now=self.clock.now(),
                offset_seconds=self.clock.offset.total_seconds(),
                next_due=next_due,
                owed_notices=self.memory.owed(),
            )

        return app


def server_of(app: ASGIApp) -> uvicorn.Server:
    """A server for one simulator, quiet on stdout but for JSON lines."""
    return uvicorn.Server(
        uvicorn.Config(
            app, http=DroppableProtocol, log_config=None, access_log=False, server_header=False, proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
    )  # fmt: skip


def run(app: FastAPI, url: str) -> None:
    """Serves until SIGTERM or SIGINT."""
    address = urlsplit(url)
    listening = socket.create_server((address.hostname or "127.0.0.1", address.port or 80))
    with listening:
        asyncio.run(server_of(app).serve([listening]))

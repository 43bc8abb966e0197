"""What stands before the door, without a caller: tokens, documents, health."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse

from libs.events.asyncapi import asyncapi
from libs.kit import problems
from libs.kit.health import Check, outcome
from libs.kit.service import REQUEST_SPANS
from libs.kit.telemetry import exposition
from libs.store import Database
from services.gateway import routes
from services.gateway.documents import pages
from services.gateway.documents.openapi import OpenApi
from services.gateway.door.upstreams import Upstreams

PROBE_SECONDS = 1.5
KEPT_SECONDS = 1.0
"""What was found of the services holds so long: whoever asks need show no token, and each look is a question to all of them."""
READ = ["GET", "HEAD"]
_SAID = 300
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def front(lifespan: Lifespan, routers: list[APIRouter]) -> FastAPI:
    app = FastAPI(
        title="Poly+ gateway",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        telemetry=REQUEST_SPANS,
        redirect_slashes=False,
    )
    problems.install(app)
    for router in routers:
        app.include_router(router)
    return app


def documents_router(openapi: OpenApi) -> APIRouter:
    router = APIRouter()
    events = json.dumps(asyncapi(), ensure_ascii=False).encode()

    @router.api_route("/", methods=READ)
    async def landing() -> HTMLResponse:
        return HTMLResponse(pages.landing(), headers=pages.HEADERS)

    @router.api_route("/docs", methods=READ)
    async def docs() -> HTMLResponse:
        return HTMLResponse((await openapi.rendered()).page, headers=pages.HEADERS)

    @router.api_route("/openapi.json", methods=READ)
    async def openapi_json() -> Response:
        return Response((await openapi.rendered()).json, media_type="application/json")

    @router.api_route("/asyncapi.json", methods=READ)
    async def asyncapi_json() -> Response:
        return Response(events, media_type="application/json")

    return router


def health_router(
    database: Database, upstreams: Upstreams, stopping: asyncio.Event, troubles: Mapping[str, Check]
) -> APIRouter:
    """The gateway is ready when its own database is, until it is told to end; how each service stands, and its own troubles, are
    said beside, and `degraded` when one does not well."""
    router, looking = APIRouter(), asyncio.Lock()
    found: tuple[float, list[str]] = (float("-inf"), [])

    async def look() -> list[str]:
        nonlocal found
        async with looking:
            if time.monotonic() - found[0] > KEPT_SECONDS:
                asked = (_database(database), *(_service(upstreams, name) for name in routes.SERVICES))
                states = await asyncio.gather(*asked, *map(outcome, troubles.values()))
                found = time.monotonic(), states
            return found[1]

    @router.api_route("/healthz", methods=READ)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.api_route("/readyz", methods=READ)
    async def readyz() -> JSONResponse:
        own, *states = await look()
        services = dict(zip(routes.SERVICES, states, strict=False))
        ours = dict(zip(troubles, states[len(services) :], strict=True))
        degraded = {name: said for name, said in ours.items() if said != "ok"}
        ready = own == "ok" and not stopping.is_set()
        status = "not ready" if not ready else "ready" if set(states) <= {"ok"} else "degraded"
        content = {"status": status, "checks": {"database": own}, "services": services}
        return JSONResponse(content | ({"degraded": degraded} if degraded else {}), 200 if ready else 503)

    return router


def ops_app(health: APIRouter) -> FastAPI:
    """What those who run it ask, on a port that the world does not see."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    problems.install(app)
    app.include_router(health)

    @app.get("/metrics")
    async def metrics() -> Response:
        return PlainTextResponse(exposition(), media_type="text/plain; version=0.0.4")

    return app


async def _database(database: Database) -> str:
    try:
        async with database.pool.acquire(timeout=PROBE_SECONDS) as connection:
            await connection.fetchval("SELECT 1", timeout=PROBE_SECONDS)
    except Exception as error:
        problem = problems.as_problem(error)
        if problem is None:
            raise
        return problem.detail
    return "ok"


async def _service(upstreams: Upstreams, name: str) -> str:
    try:
        return _said(await upstreams.json(name, "/readyz", seconds=PROBE_SECONDS, taken=(200, 503)))
    except problems.Problem as problem:
        return problem.detail


def _said(ready: Any) -> str:
    """`ok`, or what a service says of itself: that its consumer has halted, that keys are parked, which of its checks fail."""
    if not isinstance(ready, dict):
        return "ok"
    if isinstance(degraded := ready.get("degraded"), dict) and degraded:
        return "; ".join(map(str, degraded.values()))[:_SAID]
    checks = ready.get("checks")
    failing = [name for name, said in checks.items() if said != "ok"] if isinstance(checks, dict) else []
    return f"not ready: {', '.join(failing)}"[:_SAID] if failing else "ok"

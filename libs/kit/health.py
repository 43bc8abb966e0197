"""Health that tells the truth: `/healthz` says the process answers, `/readyz` says which dependency is down, `/metrics` counts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from libs.kit.telemetry import exposition
from libs.store.reasons import reason

Check = Callable[[], Awaitable[str | None]]
"""None when all is well, else what is wrong in one line."""

TIMEOUT_SECONDS = 2.0
_READ = ["GET", "HEAD"]


async def outcome(check: Check) -> str:
    """`ok`, or what is wrong in one line; a check that does not answer in time is wrong too."""
    try:
        return await asyncio.wait_for(check(), TIMEOUT_SECONDS) or "ok"
    except Exception as error:
        return reason(error)


async def _outcomes(checks: Mapping[str, Check]) -> dict[str, str]:
    return dict(zip(checks, await asyncio.gather(*map(outcome, checks.values())), strict=True))


def health_router(checks: Mapping[str, Check], troubles: Mapping[str, Check] | None = None) -> APIRouter:
    """Routes outside `/v1`, without a caller; not part of the published API. `troubles`: what leaves the process ready and an operator
    has to look at all the same."""
    router = APIRouter(include_in_schema=False)

    @router.api_route("/healthz", methods=_READ)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.api_route("/readyz", methods=_READ)
    async def readyz() -> Response:
        found, degraded = await asyncio.gather(_outcomes(checks), _outcomes(troubles or {}))
        degraded = {name: said for name, said in degraded.items() if said != "ok"}
        ready = set(found.values()) <= {"ok"}
        content = {"status": "not ready" if not ready else "degraded" if degraded else "ready", "checks": found}
        return JSONResponse(content | ({"degraded": degraded} if degraded else {}), 200 if ready else 503)

    @router.get("/metrics")
    async def metrics() -> Response:
        return PlainTextResponse(exposition(), media_type="text/plain; version=0.0.4")

    return router

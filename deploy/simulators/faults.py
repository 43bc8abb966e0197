"""The bad days of an outside company, switched on and off while it runs: `GET` and `PUT /simulate/faults`."""

import asyncio
import json
import random
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

Rate = Annotated[float, Field(ge=0, le=1)]
_NEVER_FAULTY = ("/simulate", "/healthz", "/readyz")
_EFFECTIVE = ("POST", "PUT", "PATCH", "DELETE")


class Faults(BaseModel):
    """What goes wrong; the default is nothing. Rates are shares of 1."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: int = Field(0, ge=0, le=600_000, description="every answer waits so long")
    fail_rate: Rate = Field(0, description="calls answered 503 without any effect")
    unavailable: bool = Field(False, description="every call is answered 503")
    lose_answer_rate: Rate = Field(0, description="calls that take effect, and then the connection drops")
    forget_rate: Rate = Field(0, description="things accepted with an answer, and then not kept")
    reject: bool = Field(False, description="new things are refused for good")
    deaf: bool = Field(False, description="searches ignore what they are asked for and list everything")
    search_lag_seconds: int = Field(
        0, ge=0, le=86_400, description="a search finds nothing younger, by the sandbox clock"
    )
    sparse: bool = Field(False, description="lists and the answers to new things leave out whose they are")
    anonymous: bool = Field(False, description="our reference is taken, and not kept")
    merge_only: bool = Field(False, description="JSON Patch is not known")
    echo: bool = Field(False, description="our own changes are told back to us")
    locked_out: bool = Field(False, description="every call, and whoever asks for a token, is answered 401")
    tokens_only: bool = Field(False, description="only the tokens that it gave are taken")
    busy_seconds: int = Field(0, ge=0, le=86_400, description="every call is answered 429: come again after so long")
    search_by: str | None = Field(None, description="the one parameter that its search knows a reference by")
    uncounted: bool = Field(False, description="notices carry no sequence")
    repeat_rate: Rate = Field(0, description="notices told again under another event id")
    duplicate_rate: Rate = Field(0, description="notices sent twice")
    drop_rate: Rate = Field(0, description="notices never sent")
    out_of_order: bool = Field(False, description="every second notice about a thing overtakes the one before")
    seed: int | None = Field(None, description="the same seed, the same chances")


class FaultSwitch:
    """The faults in force and the dice for them."""

    def __init__(self) -> None:
        self.set(Faults())

    def set(self, faults: Faults) -> None:
        self.now, self._dice = faults, random.Random(faults.seed)  # noqa: S311 - chances, not secrets

    def strikes(self, rate: float) -> bool:
        """Whether a fault of this rate happens this time."""
        return rate > 0 and self._dice.random() < rate

    def router(self) -> APIRouter:
        router = APIRouter(prefix="/simulate", tags=["simulate"])

        @router.get("/faults")
        async def show_faults() -> Faults:
            return self.now

        @router.put("/faults")
        async def set_faults(faults: Faults) -> Faults:
            """Replaces all faults; `{}` ends them."""
            self.set(faults)
            return self.now

        return router


_transports: dict[tuple[str, int], asyncio.Transport] = {}


class DroppableProtocol(H11Protocol):
    """HTTP whose connection the simulator can cut in the middle of a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client:
            _transports[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self.client:
            _transports.pop(self.client, None)
        super().connection_lost(exc)


class FaultyDoor:
    """Lets each call through the faults in force; the simulator's own controls and health stay out of it."""

    def __init__(self, app: ASGIApp, switch: FaultSwitch) -> None:
        self._app, self._switch = app, switch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_NEVER_FAULTY):
            await self._app(scope, receive, send)
            return
        faults = self._switch.now
        if faults.latency_ms:
            await asyncio.sleep(faults.latency_ms / 1000)
        if faults.locked_out:
            await _answer(send, 401, "these credentials are not known")
        elif faults.busy_seconds:
            await _answer(send, 429, "too many calls", (b"retry-after", str(faults.busy_seconds).encode()))
        elif faults.unavailable or self._switch.strikes(faults.fail_rate):
            await _answer(send, 503, "out of service", (b"retry-after", b"1"))
        elif scope["method"] in _EFFECTIVE and self._switch.strikes(faults.lose_answer_rate):
            await self._app(scope, receive, _nowhere)
            await _drop(scope, receive)
        else:
            await self._app(scope, receive, send)


async def _nowhere(_: Message) -> None:
    """The answer is lost."""


async def _answer(send: Send, status: int, why: str, *more: tuple[bytes, bytes]) -> None:
    headers = [(b"content-type", b"application/json"), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"reason": why}).encode()})


async def _drop(scope: Scope, receive: Receive) -> None:
    with suppress(KeyError):
        _transports[tuple(scope["client"])].abort()
    while (await receive())["type"] != "http.disconnect":
        pass

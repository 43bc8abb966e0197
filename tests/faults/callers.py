"""Clients of the gateway that never lose a thought: each command is repeated under its key until its outcome is known, and all is written down."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.gateway.routes import owner
from tests.faults.history import Caller, History, traceparent

_NOT_NOW = frozenset({429, 502, 503, 504})
_IN_FLIGHT = "The same request is still being worked on"
_PAUSE = 0.3
Row = dict[str, Any]


class GaveUp(Exception):
    """The outcome stayed unknown to the end: the checker settles what became of it."""


class Client:
    """One client of the gateway as the run knows it."""

    def __init__(self, caller: Caller, secret: str, http: httpx.AsyncClient, history: History, random: Random) -> None:
        self.caller, self._secret, self._http, self._history, self._random = caller, secret, http, history, random
        self._token: str | None = None
        self.open: Counter[str] = Counter()
        """Requests open now, by the service that answers them."""

    async def get(self, path: str, **params: str) -> Row | None:
        """One look: None when it is refused or nobody answers."""
        query = f"?{httpx.QueryParams(params)}" if params else ""
        answer = await self._once("GET", path + query, b"", None)
        return answer.json() if answer is not None and answer.status_code == 200 else None

    async def post(self, path: str, body: Mapping[str, Any] | None = None, *, seconds: float = 240.0) -> Row | None:
        """The answer of 2xx, None when it is refused. Raises GaveUp after `seconds` without either."""
        loop = asyncio.get_running_loop()
        end, key, content = loop.time() + seconds, str(uuid4()), json.dumps(body or {}).encode()
        while True:
            if self._random.random() < 0.05:  # as an impatient client: twice at the same time
                both = await asyncio.gather(*(self._once("POST", path, content, key) for _ in range(2)))
                answer = next((one for one in both if one is not None and _settled(one)), None)
            else:
                answer = await self._once("POST", path, content, key)
            if answer is not None and _settled(answer):
                break
            if loop.time() > end:
                raise GaveUp(path)
            await asyncio.sleep(_PAUSE)
        if self._random.random() < 0.1:
            await self._once("POST", path, content, key)
        if not answer.is_success:
            return None
        return answer.json() if answer.content else {}

    async def listen(self, name: str) -> None:
        """Hears the live stream, resuming where it broke, until cancelled."""
        last: str | None = None
        timeout = httpx.Timeout(10, read=40)
        while True:
            with contextlib.suppress(httpx.HTTPError):
                headers = {"authorization": f"Bearer {await self._bearer()}"}
                if last is not None:
                    headers["last-event-id"] = last
                async with self._http.stream("GET", "/v1/events/stream", headers=headers, timeout=timeout) as answer:
                    if answer.status_code == 401:
                        self._token = None
                    if answer.status_code == 200:
                        async for frame in _frames(answer):
                            last = frame.get("id", last)
                            self._history.frame(
                                name, self.caller, frame.get("id", ""), frame.get("event", ""), frame["data"]
                            )
            await asyncio.sleep(_PAUSE)

    async def _once(self, method: str, path: str, content: bytes, key: str | None) -> httpx.Response | None:
        """One attempt, written down; None when its outcome is unknown."""
        headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
        try:
            bearer = await self._bearer()
        except httpx.HTTPError:
            return None
        attempt = self._history.request(self.caller, method, path, content, key=key, headers=headers)
        sent = {**headers, "authorization": f"Bearer {bearer}", "traceparent": traceparent(attempt)}
        service = owner(path.partition("?")[0])
        self.open[service] += 1
        try:
            answer = await self._http.request(method, path, content=content, headers=sent)
        except httpx.HTTPError as error:
            self._history.unknown(attempt, repr(error))
            return None
        finally:
            self.open[service] -= 1
        self._history.response(attempt, answer.status_code, dict(answer.headers), answer.content)
        if answer.status_code == 401:
            self._token = None
        return answer

    async def _bearer(self) -> str:
        if self._token is None:
            answer = await self._http.post(
                "/oauth/token", data={"grant_type": "client_credentials"}, auth=(str(self.caller.id), self._secret)
            )
            if answer.status_code != 200:
                raise httpx.HTTPError(f"no token: {answer.status_code}")
            self._token = str(answer.json()["access_token"])
        return self._token


def _settled(answer: httpx.Response) -> bool:
    if answer.status_code in _NOT_NOW or answer.status_code in (401, 500):
        return False
    return not (answer.status_code == 409 and _IN_FLIGHT in answer.text)


async def _frames(answer: httpx.Response) -> Any:
    frame: dict[str, str] = {}
    async for line in answer.aiter_lines():
        name, _, value = line.partition(":")
        if line:
            frame[name] = value.strip()
            continue
        if "data" in frame:
            yield frame
        frame = {}


def staff(role: str, env: Mapping[str, str]) -> tuple[Caller, str]:
    """A role's client of this stack, with its secret."""
    prefix = f"POLYPLUS_CLIENT_{role.upper()}"
    return Caller(UUID(env[f"{prefix}_ID"]), role), env[f"{prefix}_SECRET"]

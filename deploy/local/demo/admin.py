"""The first admin as a client of the gateway, which may be busy or down for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from deploy.local.errors import CannotRun

PATIENCE_SECONDS = 90.0
_PAUSE_SECONDS = 0.2
_NOT_NOW = frozenset({429, 502, 503, 504})
_IN_FLIGHT = "urn:polyplus:problem:request-in-flight"
_NOT_HEARD_OF = "urn:polyplus:problem:no-such-person"
_PAGE = 200


class NotLoaded(CannotRun):
    """The API refused an entry; the message says which and why."""


class Admin:
    """`async with Admin.of(env) as admin`. Its calls raise NotLoaded when nothing answers within PATIENCE_SECONDS."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    @classmethod
    @asynccontextmanager
    async def of(cls, env: Mapping[str, str]) -> AsyncIterator[Admin]:
        """With the first admin's token."""
        login = (env["POLYPLUS_CLIENT_ADMIN_ID"], env["POLYPLUS_CLIENT_ADMIN_SECRET"])
        async with httpx.AsyncClient(base_url=env["POLYPLUS_GATEWAY_URL"], timeout=20, trust_env=False) as http:
            admin = cls(http)
            grant = {"grant_type": "client_credentials"}
            answer = await admin._until_up("POST", "/oauth/token", data=grant, auth=login)
            if answer.status_code != 200:
                raise NotLoaded(f"demo data: the admin gets no token: {answer.text}")
            http.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
            yield admin

    async def all(self, path: str) -> list[dict[str, Any]]:
        """Every item of the list."""
        found: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": _PAGE}
        while True:
            answer = await self._until_up("GET", path, params=params)
            if answer.status_code != 200:
                raise NotLoaded(f"demo data: GET {path} → {answer.status_code} {answer.text}")
            found += answer.json()["items"]
            if (cursor := answer.json().get("next_cursor")) is None:
                return found
            params["cursor"] = cursor

    async def post(self, path: str, body: Mapping[str, Any], *, key: str) -> httpx.Response:
        return await self._until_up("POST", path, json=body, headers={"idempotency-key": key})

    async def change(self, path: str, body: Mapping[str, Any]) -> None:
        """PATCHes what stands there now. Raises NotLoaded."""
        etag = (await self._until_up("GET", path)).headers.get("etag", "")
        answer = await self._until_up("PATCH", path, json=body, headers={"if-match": etag})
        if answer.is_error:
            raise NotLoaded(f"demo data: PATCH {path} → {answer.status_code} {answer.text}")

    async def _until_up(self, method: str, path: str, **how: Any) -> httpx.Response:
        """The answer, once something answers that is neither busy nor down."""
        end, last = time.monotonic() + PATIENCE_SECONDS, "no answer"
        while time.monotonic() < end:
            try:
                answer = await self._http.request(method, path, **how)
            except httpx.TransportError as error:
                last = repr(error)
            else:
                if not _is_busy(answer):
                    return answer
                last = f"{answer.status_code} {answer.text}"
            await asyncio.sleep(_PAUSE_SECONDS)
        raise NotLoaded(f"demo data: {method} {path} got no answer within {PATIENCE_SECONDS:.0f} s: {last}")


def _is_busy(answer: httpx.Response) -> bool:
    """Also with the same request, of somebody who was interrupted before the answer, and with hearing of whom it names, just registered."""
    return answer.status_code in _NOT_NOW or (
        answer.status_code in (409, 422) and answer.json().get("type") in (_IN_FLIGHT, _NOT_HEARD_OF)
    )

"""The people and systems of the story, as clients of the public API and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

import httpx

from deploy.local.errors import CannotRun

PATIENCE_SECONDS = 90.0
_AGAIN = frozenset({429, 502, 503, 504})


class Refused(CannotRun):
    """The API answered what the story did not expect."""


class Person:
    """One client of the gateway. While something is down (503) it tries again under the same Idempotency-Key."""

    def __init__(self, role: str, env: Mapping[str, str], http: httpx.AsyncClient) -> None:
        self.role, self._http, self._url = role, http, env["POLYPLUS_GATEWAY_URL"]
        prefix = f"POLYPLUS_CLIENT_{role.upper()}"
        if f"{prefix}_SECRET" not in env:
            raise CannotRun(f"the environment has no client for the {role} yet: the demo data is not loaded")
        self._login = (env[f"{prefix}_ID"], env[f"{prefix}_SECRET"])
        self._token: str | None = None

    async def get(self, path: str, **params: Any) -> dict[str, Any]:
        return await self._call("GET", path, params=params)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return await self._call("POST", path, json=body or {}, headers={"idempotency-key": str(uuid4())})

    async def token(self) -> str:
        """A bearer token, fetched when there is none."""
        if self._token is None:
            answer = await self._until_up(
                "POST", "/oauth/token", data={"grant_type": "client_credentials"}, auth=self._login
            )
            if answer.status_code != 200:
                raise Refused(f"the {self.role} gets no token: {answer.text}")
            self._token = str(answer.json()["access_token"])
        return self._token

    async def _call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **how: Any
    ) -> dict[str, Any]:
        for _ in range(2):
            sent = {**(headers or {}), "authorization": f"Bearer {await self.token()}"}
            answer = await self._until_up(method, path, headers=sent, **how)
            if answer.status_code != 401:
                break
            self._token = None
        if answer.is_error:
            raise Refused(f"{self.role}: {method} {path} → {answer.status_code} {answer.text}")
        return cast("dict[str, Any]", answer.json()) if answer.content else {}

    async def _until_up(self, method: str, path: str, **how: Any) -> httpx.Response:
        loop = asyncio.get_running_loop()
        end, last = loop.time() + PATIENCE_SECONDS, "no answer"
        while loop.time() < end:
            try:
                answer = await self._http.request(method, self._url + path, **how)
            except httpx.TransportError as error:
                last = repr(error)
            else:
                if answer.status_code not in _AGAIN:
                    return answer
                last = f"{answer.status_code} {answer.text}"
            await asyncio.sleep(0.2)
        raise Refused(f"{self.role}: {method} {path} got no answer within {PATIENCE_SECONDS:.0f} s: {last}")

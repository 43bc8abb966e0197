"""The live event stream as an outside client hears it: server-sent events, resumed where they broke off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from deploy.local.errors import CannotRun

_SILENCE_SECONDS = 40.0  # the gateway gives a sign of life more often
_BUSY = frozenset({429, 502, 503, 504})
Pairs = Sequence[tuple[str, str]]


class Away(Exception):
    """The gateway does not answer now, or has sent the listener away."""


def _ignore(_: str) -> None:
    return


@dataclass
class Listener:
    """One client of the gateway (`login` is its id and secret). `last` is the place after which it goes on; None: from now."""

    url: str
    login: tuple[str, str]
    asked: Pairs = ()
    last: str | None = None
    patient: bool = False
    """Waits for the gateway the first time too."""
    broke_off: Callable[[str], None] = field(default=_ignore)
    """Told why, each time the stream is over and will be taken up again."""
    told: Callable[[str], None] = field(default=_ignore)
    """Told when what feeds the stream is in trouble, and when it is well again."""
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once it has been let in: nothing that happens afterwards is missed."""
    _token: str | None = None
    _again_seconds: float = 1.0

    async def events(self) -> AsyncIterator[dict[str, Any]]:
        """Each event as CloudEvents' JSON, for ever. Raises CannotRun when it is refused; unless patient, also when nobody
        answers the first time."""
        heard = self.patient
        async with httpx.AsyncClient(timeout=httpx.Timeout(5, read=_SILENCE_SECONDS), trust_env=False) as http:
            while True:
                try:
                    async for frame in self._frames(http):
                        heard = True
                        if frame.get("event") == "health":
                            self.told(json.loads(frame["data"])["detail"])
                        elif "data" in frame:
                            yield json.loads(frame["data"])
                except (Away, httpx.TransportError) as error:
                    reason = str(error) or type(error).__name__
                    if not heard:
                        raise CannotRun(f"the gateway at {self.url} does not let anybody listen: {reason}") from error
                    self.broke_off(reason)
                await asyncio.sleep(self._again_seconds)

    async def _frames(self, http: httpx.AsyncClient) -> AsyncIterator[Mapping[str, str]]:
        """One connection's. Raises Away at its end."""
        headers = {"authorization": f"Bearer {await self._bearer(http)}"}
        if self.last is not None:
            headers["last-event-id"] = self.last
        asked = httpx.QueryParams(list(self.asked))
        async with http.stream("GET", f"{self.url}/v1/events/stream", params=asked, headers=headers) as answer:
            if answer.status_code != 200:
                await answer.aread()
                self._refused(answer)
            frame: dict[str, str] = {}
            async for line in answer.aiter_lines():
                name, _, value = line.partition(":")
                if line:
                    frame[name] = value.removeprefix(" ")
                    continue
                if "id" in frame:
                    self.last = frame["id"]
                    self.begun.set()
                self._again_seconds = float(frame.get("retry", self._again_seconds * 1000)) / 1000
                if frame.get("event") == "dropped":
                    raise Away(json.loads(frame["data"])["reason"])
                yield frame
                frame = {}
        raise Away("it ended")

    def _refused(self, answer: httpx.Response) -> None:
        if answer.status_code == 401 and self._token is not None:
            self._token = None
            raise Away("the token is not taken any more")
        if answer.status_code in _BUSY:
            raise Away(_detail(answer))
        raise CannotRun(f"the gateway refuses ({answer.status_code}): {_detail(answer)}")

    async def _bearer(self, http: httpx.AsyncClient) -> str:
        if self._token is None:
            grant = {"grant_type": "client_credentials"}
            answer = await http.post(f"{self.url}/oauth/token", data=grant, auth=self.login)
            if answer.status_code != 200:
                self._refused(answer)
            self._token = str(answer.json()["access_token"])
        return self._token


def _detail(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        return str(problem.get("detail") or problem.get("error_description") or problem)
    except ValueError:
        return answer.text.strip()[:200] or answer.reason_phrase

"""The one connection to activity from which all listeners live; it is taken up again where it broke."""

import asyncio
from uuid import NAMESPACE_URL, uuid5

import aiohttp
import pydantic_core
import structlog
from yarl import URL

from libs.kit.auth import Principal, mint
from libs.store.reasons import reason
from services.gateway.door.upstreams import Upstreams
from services.gateway.identity.keys import SigningKey
from services.gateway.stream.hub import Hub
from services.gateway.stream.items import Item

log = structlog.get_logger()
_READER = Principal(uuid5(NAMESPACE_URL, "urn:polyplus:gateway"), "gateway", "ops")
_SILENCE_SECONDS = 8.0
"""Activity gives a sign of life every two seconds."""
_LONGEST_PAUSE = 2.0


class FeedBroke(Exception):
    """The connection ended, or said something that the feed does not say."""


class Feed:
    """Follows activity's feed and publishes to the hub, for as long as it runs."""

    def __init__(self, hub: Hub, upstreams: Upstreams, key: SigningKey) -> None:
        self._hub, self._upstreams, self._key = hub, upstreams, key

    async def run(self) -> None:
        pause, known_to_be_down = 0.05, False
        while True:
            before = self._hub.position
            try:
                await self._follow()
            except Exception as error:  # whatever it is: without the feed every listener is deaf
                if known_to_be_down:
                    self._hub.tell("away")
                else:
                    log.warning(
                        "the feed of events broke; taking it up again", error=reason(error), position=self._hub.position
                    )
            known_to_be_down = self._hub.position == before
            pause = min(pause * 2, _LONGEST_PAUSE) if known_to_be_down else 0.05
            await asyncio.sleep(pause)

    async def _follow(self) -> None:
        after = "" if self._hub.position is None else f"?after={self._hub.position}"
        url = URL(f"{self._upstreams.urls['activity']}/internal/feed{after}", encoded=True)
        headers = {"authorization": f"Bearer {mint(_READER, self._key.private)}"}
        timeout = aiohttp.ClientTimeout(total=None, connect=2, sock_read=_SILENCE_SECONDS)
        async with self._upstreams.http.get(url, headers=headers, timeout=timeout, allow_redirects=False) as response:
            if response.status != 200:
                raise FeedBroke(f"activity answered with {response.status}")
            rest = b""
            async for chunk in response.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                self._publish(lines)
                await asyncio.sleep(0)  # listeners take theirs before more comes: a burst is not what makes one slow
        raise FeedBroke("activity ended the feed")

    def _publish(self, lines: list[bytes]) -> None:
        items: list[Item] = []
        for line in lines:
            said = pydantic_core.from_json(line)
            if "event" in said:
                items.append(Item.of(said["event"], late=said["late"]))
                continue
            if self._hub.position is None or said["position"] < self._hub.position:
                self._hub.begin(said["position"])
            self._hub.tell(said.get("status", "ok"))
        if items:
            self._hub.publish(items)

"""A listener of the stream, and what services publish for it to hear."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import aiohttp

from libs.bus import Delivery
from libs.events.cases import CaseOpened
from libs.events.cases_work import InternalNoteAdded
from libs.events.rma import PartShipped
from libs.store.ids import new_id

PUBLIC, INTERNAL = PartShipped.contract.ce_type, InternalNoteAdded.contract.ce_type
CASE_OPENED, CASE_OPENED_ONCE = CaseOpened.contract.ce_type, "polyplus.cases.case-opened.v1"


def an_event(
    ce_type: str = PUBLIC, *, case_id: UUID | None = None, account_id: UUID | None = None, **data: Any
) -> Delivery:
    """About a case of its own unless told."""
    case_id, subject = case_id or uuid4(), uuid4()
    return Delivery(
        topic=f"{ce_type.split('.')[1]}.events",
        partition=0,
        offset=0,
        key=case_id,
        event_id=new_id(),
        type=ce_type,
        subject=subject,
        version=1,
        time=datetime.now(UTC),
        actor="system:test",
        account_id=account_id,
        causation_id=None,
        traceparent=None,
        data=json.dumps({"case_id": str(case_id), **data}).encode(),
    )


@dataclass
class Frame:
    event: str | None
    id: int | None
    data: Any
    comment: bool


class Ear:
    """One connection; `heard` are the events in their order, `last` where to resume."""

    def __init__(self, url: str, token: str, query: str = "") -> None:
        self._url, self._token, self._query = f"{url}/v1/events/stream{query}", token, query
        self.heard: list[str] = []
        self.health: list[str] = []
        self._hears_health = False
        self.last: int | None = None
        self.ended = False
        self._http: aiohttp.ClientSession | None = None
        self._rest = b""

    async def open(self, *, resume: bool = True, **headers: str) -> aiohttp.ClientResponse:
        if resume and self.last is not None:
            headers["last-event-id"] = str(self.last)
        self._http, self._rest = aiohttp.ClientSession(), b""
        self._response = await self._http.get(self._url, headers={"authorization": f"Bearer {self._token}", **headers})
        return self._response

    async def opened(self) -> "Ear":
        """Open, and past the first frame."""
        response = await self.open()
        assert response.status == 200, await response.text()
        assert response.content_type == "text/event-stream"
        first = await self.frame()
        assert first is not None
        assert first.event is None
        return self

    async def close(self) -> None:
        if self._http:
            await self._http.close()

    async def frame(self) -> Frame | None:
        """The next frame; None at the end of the stream."""
        async with asyncio.timeout(10):
            while b"\n\n" not in self._rest:
                chunk = await self._response.content.readany()
                if not chunk:
                    self.ended = True
                    return None
                self._rest += chunk
        block, _, self._rest = self._rest.partition(b"\n\n")
        fields: dict[str, str] = {}
        for line in block.decode().split("\n"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        found = Frame(
            fields.get("event"),
            int(fields["id"]) if "id" in fields else None,
            json.loads(fields["data"]) if "data" in fields else None,
            "" in fields,
        )
        if found.id is not None:
            self.last = found.id
        if found.event == "health":
            self.health.append(found.data["status"])
            return found if self._hears_health else await self.frame()
        if found.data is not None and found.event != "dropped":
            self.heard.append(found.data["id"])
        return found

    async def hear_something(self) -> None:
        """The next frame, whatever it is."""
        self._hears_health = True
        assert await self.frame() is not None, "the stream ended"
        self._hears_health = False

    async def event(self) -> Frame:
        """The next event."""
        while (frame := await self.frame()) is not None:
            if frame.data is not None:
                return frame
        raise AssertionError("the stream ended")

    async def event_resumed(self) -> Frame:
        """The next event, heard as a browser does it: one who is sent away, or comes too early, comes again and resumes."""
        async with asyncio.timeout(10):
            while True:
                while (frame := await self.frame()) is not None:
                    if frame.data is not None and frame.event != "dropped":
                        return frame
                await self.resume()

    async def resume(self) -> None:
        """Comes again, until the door has heard of activity."""
        while True:
            await self.close()
            if (response := await self.open()).status != 503:
                assert response.status == 200, await response.text()
                return

    async def until(self, event: Delivery) -> list[str]:
        """Listens up to this event; everything heard so far."""
        while str(event.event_id) not in self.heard:
            await self.event()
        return self.heard

    async def to_the_end(self) -> Frame:
        """The last frame."""
        last = None
        with suppress(aiohttp.ClientError):
            while (frame := await self.frame()) is not None:
                last = frame
        assert last is not None
        return last

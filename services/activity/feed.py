"""The stream as it grows, for the gateway: one line of JSON per event, in the order of positions.

`{"position": 7, "status": "ok"}` says that nothing more is there up to position 7, and how the consumer that fills the stream stands: the
first line, then a sign of life.
`{"late": true, "event": …}` repeats an event at the position where its account became known, for that account's people.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from fastapi import Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from libs.bus.standing import standing
from libs.kit.http import Router, Tx, allow
from libs.store import Database
from services.activity.handlers import on
from services.activity.queries.events import last_position
from services.activity.queries.view import EventOut, event_out
from services.activity.reactions.append_events import CHANNEL

router = Router(tags=["internal"])
PAGE = 500
POLL_SECONDS = 0.25
SIGN_OF_LIFE_SECONDS = 2.0

# Read at its first position, an event whose account became known later is still nobody's.
_NEXT = """
(SELECT seq AS position, false AS late, event_id, topic, type, subject, version, case_id,
        CASE WHEN account_seq = seq THEN account_id END AS account_id,
        visibility, time, actor, causation_id, traceparent, data
   FROM activity_events WHERE seq > $1 ORDER BY seq LIMIT $2)
UNION ALL
(SELECT account_seq, true, event_id, topic, type, subject, version, case_id, account_id,
        visibility, time, actor, causation_id, traceparent, data
   FROM activity_events WHERE account_seq > $1 AND account_seq <> seq ORDER BY account_seq LIMIT $2)
ORDER BY position LIMIT $2
"""


class Line(BaseModel):
    late: bool
    event: EventOut


@router.get("/internal/feed", include_in_schema=False, dependencies=[allow("ops")])
async def feed(
    request: Request, tx: Tx, after: Annotated[int | None, Query(ge=0, lt=2**63)] = None
) -> StreamingResponse:
    """Everything after a position, and whatever follows, until the reader leaves or this process ends."""
    last = await last_position(tx)
    start = last if after is None else min(after, last)
    stopping: asyncio.Event = request.app.state.stopping
    return StreamingResponse(_lines(request.app.state.database, start, stopping), media_type="application/x-ndjson")


async def _lines(database: Database, after: int, stopping: asyncio.Event) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    async with _reader(database) as (connection, appended):
        yield await _position(connection, after)
        said = clock()
        while not stopping.is_set():
            appended.clear()
            records = await connection.fetch(_NEXT, after, PAGE)
            if records:
                after = records[-1]["position"]
                yield b"".join(_line(record) for record in records)
            if clock() - said >= SIGN_OF_LIFE_SECONDS:
                said = clock()
                yield await _position(connection, after)
            if len(records) < PAGE:
                await _woken(appended, POLL_SECONDS)


def _line(record: asyncpg.Record) -> bytes:
    line = Line(late=record["late"], event=event_out(record, record["position"]))
    return line.__pydantic_serializer__.to_json(line) + b"\n"


async def _position(connection: "PoolConnectionProxy[asyncpg.Record]", position: int) -> bytes:
    found = await standing(connection, on.consumer)
    return b'{"position": %d, "status": "%s"}\n' % (position, found.status.encode())


@asynccontextmanager
async def _reader(database: Database) -> AsyncIterator[tuple["PoolConnectionProxy[asyncpg.Record]", asyncio.Event]]:
    """A connection of its own that sees everything, and an event that is set after each append.

    A look is one round trip, without a transaction: its context is the connection's, which therefore goes back to no pool.
    """
    appended = asyncio.Event()
    async with database.pool.acquire() as connection:
        try:
            await connection.execute("SELECT set_config('polyplus.scope', 'worker', false)")
            await connection.add_listener(CHANNEL, lambda *_: appended.set())
            yield connection, appended
        finally:
            # Nothing to wait for: it may be cancelled, and again.
            connection.terminate()


async def _woken(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return

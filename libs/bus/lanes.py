"""Calls to many strangers (webhooks, mail servers): a lane for each destination, so that none stands in another's way.

A call is claimed with its lane's row locked, so that all workers together have no more than the lane's `most` under way there. It is made
outside any transaction, and outcomes are recorded many at a time. A crash in between leaves a call claimed until its lease ends; then it is
made again, so the other side must know it by its id. An outcome that could not be recorded stays in the call's row and is not made again.

After five failures in a row a lane is tried once a minute, and what waits there meanwhile uses up none of its attempts. Pauses of half an hour
and more, and that minute, go by the domain's clock, shorter ones by the machine's.
"""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pydantic_core

from libs.bus.flight import LOOK_SECONDS, Attempt, Call, Flight, Kind, Outcome, Prepare, Record
from libs.bus.outgoing import OutgoingClient
from libs.bus.waiting import within, woken_at
from libs.store import Database, Scope, Transaction

__all__ = ["Attempt", "Lanes", "Outcome"]
SCHEDULE = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)
"""Seconds between attempts, each ± 20 %: over three days in all."""
MOST, IN_FLIGHT = 4, 200
"""Calls under way at once in a lane, and in a process."""


class Lanes:
    """The calls of a service to many strangers: `lanes = Lanes("notifications")`, then
    `lanes.on("webhook", prepare=…, call=…, record=…)`.

    `prepare(attempts, tx)` says by id what each call takes, as an address; one that it leaves out has nothing to send any more. `call` gets an
    attempt, what was prepared and an HTTP client, and gives JSON, or raises: GiveUp is for good, anything else is tried again by the
    `schedule`. `record(outcomes, tx)` hears of each attempt, of several at once; its other writes are in the same transaction.
    """

    def __init__(self, service: str, *, in_flight: int = IN_FLIGHT, timeout: float = 15.0) -> None:
        self._scope, self._in_flight, self._timeout = Scope.system(service), in_flight, timeout
        self._kinds: dict[str, Kind] = {}
        self._woken, self._moved = asyncio.Event(), False

    def on(
        self, kind: str, *, prepare: Prepare, call: Call, record: Record, schedule: Sequence[float] = SCHEDULE
    ) -> None:
        """`schedule`: the seconds between attempts; with as many and one it is over."""
        self._kinds[kind] = Kind(prepare, call, record, schedule)

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def send(
        self,
        tx: Transaction,
        id: UUID,
        kind: str,
        *,
        lane: str,
        payload: dict[str, Any] | None = None,
        most: int = MOST,
        ordered: bool = False,
    ) -> None:
        """A call after the commit, once for each id while it is not over. `most` and `ordered` are a new lane's; `shape` changes them."""
        said = pydantic_core.to_json(payload or {}).decode()
        tx.pending.send_call((lane, most, ordered), (id, lane, kind, said, tx.traceparent))

    async def shape(self, tx: Transaction, lane: str, *, most: int = MOST, ordered: bool = False) -> None:
        """`ordered`: one at a time, in the order of sending, and none before the one ahead of it is over."""
        how = (
            "UPDATE call_lanes SET most = $2, ordered = $3, next_at = least(next_at, clock_timestamp()) WHERE name = $1"
        )
        await tx.connection.execute(how, lane, most, ordered)

    async def cancel(self, tx: Transaction, lane: str) -> list[UUID]:
        """Ends what waits there; the ids. What is being recorded just now ends by itself, or finds nothing prepared."""
        await tx.flush()
        waiting = "SELECT id FROM lane_calls WHERE lane = $1 FOR UPDATE SKIP LOCKED"
        gone = await tx.connection.fetch(f"DELETE FROM lane_calls WHERE id = ANY (ARRAY({waiting})) RETURNING id", lane)
        return [row["id"] for row in gone]

    def wake(self) -> None:
        """The clock has been moved."""
        self._moved = True
        self._woken.set()

    async def run(self, database: Database, stop: asyncio.Event) -> None:
        """Makes calls until told to stop; then it waits a while for those under way."""
        clock, looked = asyncio.get_running_loop().time, float("-inf")
        async with OutgoingClient(timeout=self._timeout, connections=self._in_flight) as http:
            flight = Flight(self._kinds, self._scope, database, http, self._woken)
            try:
                with database.waking(lambda _: self._woken.set(), "lanes"), woken_at(stop, self._woken):
                    while not stop.is_set():
                        self._woken.clear()
                        if self._moved or clock() - looked >= LOOK_SECONDS:
                            self._moved, looked = False, clock()
                            await flight.wake()
                        if seconds := await flight.claim(self._in_flight):
                            await within(min(seconds, LOOK_SECONDS), self._woken)
                await flight.land()
            finally:
                await flight.abandon()

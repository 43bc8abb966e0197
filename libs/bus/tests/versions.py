"""A service's worker as two deployments of it: `python -m libs.bus.tests.versions old|new URL BOOTSTRAP USER PASSWORD NAME`.

The old code knows version 1 of the event, the new one version 2 and how version 1 is read as that. It says `up`, and `halted` once
its consumer must not go on; SIGTERM ends it after what has begun.
"""

import asyncio
import signal
import sys
from contextlib import suppress
from typing import Any
from uuid import UUID

from libs.bus import Handlers
from libs.bus.consumer import Consumer
from libs.bus.kafka import Kafka
from libs.bus.tests.stage import Tally
from libs.events import Event, upcast
from libs.store import Database, Transaction


def first_version(name: str) -> type[Event]:
    class ThingCounted(Event, type=f"polyplus.{name}.thing-counted", visibility="internal", subject="thing_id"):
        """Number `n` of this thing."""

        thing_id: UUID
        n: int

    return ThingCounted


def second_version(name: str) -> type[Event]:
    """`n` has become `number`, and somebody has counted."""

    class ThingCountedV2(
        Event, type=f"polyplus.{name}.thing-counted", version=2, visibility="internal", subject="thing_id"
    ):
        """Number `number` of this thing, and who counted it."""

        thing_id: UUID
        number: int
        by: str

    @upcast(f"polyplus.{name}.thing-counted.v1", ThingCountedV2.contract.ce_type)
    def nobody_said_who(data: dict[str, Any]) -> dict[str, Any]:
        return {"thing_id": data["thing_id"], "number": data["n"], "by": "nobody"}

    return ThingCountedV2


async def note(event: Any, tx: Transaction) -> None:
    tally = await Tally.find(event.thing_id, tx, lock=True) or tx.add(Tally(id=event.thing_id))
    tally.numbers.append(event.n if hasattr(event, "n") else event.number)


async def main(code: str, url: str, bootstrap: str, user: str, password: str, name: str) -> None:
    handlers = Handlers(name)
    handlers((first_version if code == "old" else second_version)(name), load={Tally: "thing_id"})(note)
    database, stop = await Database.connect(url, size=4), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    consumer = Consumer(handlers, database, Kafka(bootstrap, user, password))
    running = asyncio.create_task(consumer.run(stop))
    print("up", flush=True)
    halted = False
    while not running.done():
        if not halted and "newer than this code" in (await consumer.check() or ""):
            halted = True
            print("halted", flush=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(running), 0.05)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

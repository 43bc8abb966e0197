"""One loop in a process of its own, to be killed or stopped: `python -m libs.bus.tests.loops timers|relay URL BOOTSTRAP USER PASSWORD NAME`."""

import asyncio
import sys

from libs.bus.kafka import Kafka
from libs.bus.relay import Relay
from libs.bus.tests.stage import timers
from libs.bus.timers import TimerLoop
from libs.store import Database


async def main(what: str, url: str, bootstrap: str, user: str, password: str, name: str) -> None:
    database, stop = await Database.connect(url, size=3), asyncio.Event()
    sys.stdout.write("up\n")
    sys.stdout.flush()
    if what == "timers":
        await TimerLoop(timers, database).run(stop)
    else:
        kafka = Kafka(bootstrap, user, password)
        await Relay(database, url, kafka, name=name, page=5, silence_seconds=3).run(stop)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

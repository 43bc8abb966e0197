"""The background half of a service: relay, consumer, timers, jobs, clock; started and stopped together."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

import structlog

from libs.bus.clock import ClockFollower
from libs.bus.consumer import Consumer
from libs.bus.handlers import Handlers
from libs.bus.housekeeping import keep_house
from libs.bus.jobs import Jobs
from libs.bus.kafka import Kafka
from libs.bus.lanes import Lanes
from libs.bus.metrics import sample_backlog
from libs.bus.relay import Relay
from libs.bus.replicas import Follower, Replicas
from libs.bus.retention import Retention
from libs.bus.timers import TimerLoop, Timers
from libs.bus.waiting import within
from libs.store import Database

log = structlog.get_logger()


class WorkerSettings(Protocol):
    """What the worker needs of a service's settings."""

    @property
    def database_url(self) -> str: ...
    @property
    def kafka_bootstrap(self) -> str: ...
    @property
    def kafka_user(self) -> str: ...
    @property
    def kafka_password(self) -> str: ...
    @property
    def sandbox(self) -> bool: ...
    @property
    def retention(self) -> Retention: ...


class Worker:
    """One service's loops. `stop()` lets each finish the batch it is in."""

    def __init__(
        self,
        handlers: Handlers,
        timers: Timers,
        jobs: Jobs,
        database: Database,
        settings: WorkerSettings,
        state_topics: Sequence[str] = (),
        replicas: Replicas | None = None,
        lanes: Lanes | None = None,
    ) -> None:
        kafka = Kafka(settings.kafka_bootstrap, settings.kafka_user, settings.kafka_password)
        self.relay = Relay(
            database, settings.database_url, kafka, name=handlers.consumer, state_topics=frozenset(state_topics)
        )
        self.consumer = Consumer(handlers, database, kafka)
        followed = replicas.topics if replicas else ()
        self._followers = {f"replicas of {t}": Follower(replicas, t, database, kafka) for t in followed if replicas}
        self.timers, self._has_timers = TimerLoop(timers, database), bool(timers)
        self._clock = ClockFollower(database, kafka, self._clock_moved) if settings.sandbox else None
        self._lanes = lanes or Lanes(handlers.consumer)
        self._jobs, self._database, self._retention = jobs, database, settings.retention
        if handlers.hears_everything:  # one that forgot a version would take what comes next for a gap
            self._retention = replace(settings.retention, versions=None)
        self._stop = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def _clock_moved(self) -> None:
        self.timers.wake()
        self._lanes.wake()

    async def start(self) -> None:
        """Starts every loop; each connects, and reconnects, by itself."""
        loops: dict[str, Callable[[], Awaitable[None]]] = {
            "relay": lambda: self.relay.run(self._stop),
            "metrics": lambda: sample_backlog(self._database, self._stop),
            "housekeeping": lambda: keep_house(self._database, self._retention, self._stop),
        }
        if self._has_timers:
            loops["timers"] = lambda: self.timers.run(self._stop)
        if self._jobs:
            loops["jobs"] = lambda: self._jobs.run(self._database, self._stop)
        if self._lanes:
            loops["lanes"] = lambda: self._lanes.run(self._database, self._stop)
        if self.consumer.handlers.topics:
            loops["consumer"] = lambda: self.consumer.run(self._stop)
        for name, follower in self._followers.items():
            loops[name] = partial(follower.run, self._stop)
        if self._clock:
            clock = self._clock
            loops["clock"] = lambda: clock.run(self._stop)
        self._tasks = {
            name: asyncio.create_task(self._keep_running(name, loop), name=name) for name, loop in loops.items()
        }

    async def _keep_running(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        pause, task = 0.1, asyncio.current_task()
        assert task is not None
        while not self._stop.is_set():
            began = asyncio.get_running_loop().time()
            try:
                await loop()
                return
            except (Exception, asyncio.CancelledError) as error:
                if task.cancelling():
                    raise  # else what was cancelled was something of a library's, and the loop goes on
                log.error("a loop ended; starting it again", loop=name, exc_info=error)
                long_ago = asyncio.get_running_loop().time() - began > 60
                pause = 0.1 if long_ago else min(pause * 2, 5.0)
                await within(pause, self._stop)

    async def stop(self) -> None:
        """Tells every loop to end and waits for it, at most 15 s."""
        self._stop.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=10)
            for task in late:
                log.error("a loop did not end in time", loop=task.get_name())
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=5)

    def checks(self) -> Mapping[str, Callable[[], Awaitable[str | None]]]:
        """What readiness asks of the worker; one that hears nothing has no consumer to ask of."""
        consumer = {"consumer": self.consumer.check} if self.consumer.handlers.topics else {}
        return {"relay": self.relay.check, **consumer, **{name: each.check for name, each in self._followers.items()}}

"""The engines of a run: one PostgreSQL that loses nothing (fsync on), one Kafka; each started when a bench first asks."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from confluent_kafka.admin import NewTopic

from deploy.local.databases import ServiceDatabase, create_service_database
from deploy.local.kafka import KafkaLogin, temporary_kafka
from deploy.local.migrate import migrate
from deploy.local.postgres import temporary_postgres
from deploy.local.processes import Child, Processes
from deploy.topics import admin_client
from tests.bench.workload import PARTITIONS


class Engines:
    """A context manager; on leaving, all that was started through it is stopped, by id."""

    def __init__(self, postgres: str | None = None) -> None:
        """`postgres` is the admin's URL of a server to use instead of one of the run's own, as a test does."""
        self._postgres: dict[tuple[tuple[str, str], ...], str] = {(): postgres} if postgres else {}
        self._kafka: KafkaLogin | None = None
        self.made: set[str] = set()
        """What variants share and only the first of them makes."""
        self.notes: dict[str, str] = {}
        """What a bench has to say beside its samples ("effects per story": "14"); kept with its result."""

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.home = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="polyplus-bench-")))
        self._processes = Processes(self.home / "run", self.home / "logs")
        self._stack.callback(self._processes.stop_all)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def postgres(self, **settings: str) -> str:
        """The admin's URL. Settings such as `wal_level="logical"` mean a server of their own."""
        key = tuple(sorted(settings.items()))
        if key not in self._postgres:
            self._postgres[key] = self._stack.enter_context(temporary_postgres(durable=True, settings=settings))
        return self._postgres[key]

    def kafka(self) -> KafkaLogin:
        """The admin's login."""
        if self._kafka is None:
            self._kafka = self._stack.enter_context(temporary_kafka())
        return self._kafka

    async def service_database(self, service: str, name: str, *, at: str | None = None) -> ServiceDatabase:
        """An empty, migrated database of this service; `name` tells apart those of several variants. `at`: another server's admin URL."""
        made = await create_service_database(at or self.postgres(), service, prefix=f"{name}_")
        await migrate(service, made.owner_url)
        return made

    async def analyze(self, url: str) -> None:
        """After a bulk load of this URL's database, or the planner guesses: two runs would have two plans."""
        admin, database = urlsplit(self.postgres()), urlsplit(url).path
        connection = await asyncpg.connect(urlunsplit(admin._replace(path=database)))
        try:
            await connection.execute("ANALYZE")
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()

    async def topic(self, name: str) -> str:
        """A new topic with the workload's partitions."""
        admin = admin_client(*self.kafka())  # kept until it has answered
        made = admin.create_topics([NewTopic(name, PARTITIONS, 1)])
        await asyncio.gather(*(asyncio.wrap_future(future) for future in made.values()))
        return name

    def start(self, name: str, argv: Sequence[str], env: Mapping[str, str]) -> Child:
        """A process of the repository's root; `child.log` is what it said. It ends with the run, or by `stop`."""
        return self._processes.start(name, argv, env=env, wave=1)

    def stop(self, child: Child) -> None:
        self._processes.stop(child)

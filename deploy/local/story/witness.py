"""What can be seen from outside: the live stream (SSE) and the services' topics on Kafka, collected while the story is played."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition

from deploy.local.errors import CannotRun
from deploy.local.listening import Listener
from deploy.topics import PUBLISHERS

SECONDS = 60.0


class NotSeen(CannotRun):
    """Something the story is about did not become visible from outside in time."""


@dataclass
class Witness:
    """Every event seen on the stream and on Kafka, by event id."""

    on_stream: dict[str, dict[str, Any]] = field(default_factory=dict)
    on_kafka: dict[str, dict[str, Any]] = field(default_factory=dict)
    duplicates_on_stream: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    @asynccontextmanager
    async def following_stream(self, env: Mapping[str, str]) -> AsyncIterator[None]:
        """Hears the live stream as the ops client, through whatever breaks it off: nothing that happens within is missed.

        Raises CannotRun when nobody lets it in.
        """
        login = env["POLYPLUS_CLIENT_OPS_ID"], env["POLYPLUS_CLIENT_OPS_SECRET"]
        why = list[str]()
        listener = Listener(env["POLYPLUS_GATEWAY_URL"], login, patient=True, broke_off=why.append)
        hearing, begun = asyncio.create_task(self._hear(listener)), asyncio.create_task(listener.begun.wait())
        try:
            await asyncio.wait((hearing, begun), timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if hearing.done():
                hearing.result()
            if not begun.done():
                raise NotSeen(f"the stream let nobody in within {SECONDS:.0f} s: {why[-1] if why else 'no answer'}")
            yield
        finally:
            begun.cancel()
            hearing.cancel()

    async def _hear(self, listener: Listener) -> None:
        async for event in listener.events():
            self.duplicates_on_stream += event["id"] in self.on_stream
            self.on_stream[event["id"]] = event

    def follow_kafka(self, env: Mapping[str, str]) -> threading.Thread:
        """Reads every service's topic from now on as the ops user, as any Kafka client would; until `stop()`."""
        consumer = Consumer(
            {
                "bootstrap.servers": env["POLYPLUS_KAFKA_BOOTSTRAP"],
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": env["POLYPLUS_KAFKA_OPS_USER"],
                "sasl.password": env["POLYPLUS_KAFKA_OPS_PASSWORD"],
                "group.id": f"ops-story-{uuid4()}",
                "auto.offset.reset": "error",
                "enable.auto.commit": False,
                "log_level": 2,
            }
        )
        topics = consumer.list_topics(timeout=20).topics
        places = [(f"{service}.events", n) for service in PUBLISHERS for n in topics[f"{service}.events"].partitions]
        ends = [consumer.get_watermark_offsets(TopicPartition(*place), timeout=20)[1] for place in places]
        consumer.assign([TopicPartition(*place, end) for place, end in zip(places, ends, strict=True)])
        thread = threading.Thread(target=self._consume, args=(consumer,), daemon=True)
        thread.start()
        return thread

    def _consume(self, consumer: Consumer) -> None:
        while not self._stop.is_set():
            for record in consumer.consume(500, 0.2):
                if record.error():
                    continue
                headers = {n: v.decode() for n, v in dict(record.headers() or []).items() if isinstance(v, bytes)}
                key, value = record.key(), record.value()
                self.on_kafka[headers["ce_id"]] = {
                    "type": headers["ce_type"],
                    "subject": headers["ce_subject"],
                    "key": key.decode() if key else None,
                    "topic": record.topic(),
                    "data": json.loads(value) if value else None,
                }
        consumer.close()

    def stop(self) -> None:
        self._stop.set()

    def aggregates_of(self, case_id: str) -> list[str]:
        """The ids of what has told of this case: the case, its clocks, its replacement, its visits …"""
        return sorted({event["subject"] for event in self._told_of(case_id)})

    def parcels_of(self, case_id: str) -> list[str]:
        """The tracking numbers of what was sent in this case."""
        return sorted({event["data"]["tracking"] for event in self._told_of(case_id) if event["data"].get("tracking")})

    def _told_of(self, case_id: str) -> list[dict[str, Any]]:
        return [event for event in list(self.on_kafka.values()) if (event["data"] or {}).get("case_id") == case_id]

    async def see(self, case_id: str, name: str, **fields: Any) -> dict[str, Any]:
        """The data of the case's event of this name (`rma.part-shipped`) with these fields, once stream and Kafka both have it."""
        wanted = f"polyplus.{name}.v"

        def found(seen: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
            for event in list(seen.values()):
                data = event["data"] or {}
                same_case = data.get("case_id") == case_id
                if event["type"].startswith(wanted) and same_case and all(data.get(k) == v for k, v in fields.items()):
                    return dict(data)
            return None

        async def both() -> dict[str, Any] | None:
            return found(self.on_kafka) and found(self.on_stream)

        def missing() -> str:
            return f"{name} {fields or ''} of the case on {'the stream' if found(self.on_kafka) else 'Kafka'}"

        return await seen(both, missing)


async def seen(
    fact: Callable[[], Awaitable[dict[str, Any] | None]], otherwise: Callable[[], str], *, seconds: float = SECONDS
) -> dict[str, Any]:
    """Waits for a fact, looking again ten times a second. Raises NotSeen, saying what is missing."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        if value := await fact():
            return value
        if loop.time() > end:
            raise NotSeen(f"not seen within {seconds:.0f} s: {otherwise()}")
        await asyncio.sleep(0.1)

"""Reads the evidence of a run from its engines: every table of every database, every topic from its beginning."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import asyncpg
from confluent_kafka import Consumer, KafkaError, TopicPartition

from deploy.local.kafka import KafkaLogin
from deploy.topics import CLOCK
from tests.faults import history
from tests.faults.evidence import Database, Evidence, Record, Row, owner_urls
from tests.faults.history import Histories

_SECONDS, _WAIT_SECONDS = 30.0, 0.5
_TABLES = """
SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname IN ('public', 'fault_audit') AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1, 2
"""


class TopicUnreadable(RuntimeError):
    """Kafka did not hand over a partition up to its end."""


async def collect(env: Mapping[str, str], folder: Path) -> Evidence:
    """Everything that the stack of this environment holds, saved into `folder` beside its history. To be called when it is quiet."""
    login = KafkaLogin(
        env["POLYPLUS_KAFKA_BOOTSTRAP"], env["POLYPLUS_KAFKA_ADMIN_USER"], env["POLYPLUS_KAFKA_ADMIN_PASSWORD"]
    )
    databases, (topics, ends) = await asyncio.gather(
        asyncio.gather(*itertools.starmap(read_database, owner_urls(env).items())),
        asyncio.to_thread(read_topics, login),
    )
    evidence = Evidence({each.service: each for each in databases}, topics, ends, Histories.of(history.read(folder)))
    evidence.save(folder)
    return evidence


async def read_database(service: str, owner_url: str) -> Database:
    """All tables as of one instant, rows as JSON."""
    owner = await asyncpg.connect(owner_url)
    try:
        async with owner.transaction(isolation="repeatable_read", readonly=True):
            await owner.execute(
                "SELECT set_config('polyplus.scope', 'worker', true)"
            )  # row-level security binds owners
            clocks = await owner.fetchrow("SELECT to_jsonb(app_now()) #>> '{}', to_jsonb(clock_timestamp()) #>> '{}'")
            assert clocks is not None
            tables = {}
            for table in await owner.fetch(_TABLES):
                name = table["name"] if table["schema"] == "public" else f"{table['schema']}.{table['name']}"
                rows = await owner.fetch(
                    f'SELECT to_jsonb(t)::text AS row FROM "{table["schema"]}"."{table["name"]}" t'
                )
                found: list[Row] = [json.loads(row["row"]) for row in rows]
                tables[name] = found
    finally:
        await owner.close()
    return Database(service, tables, *clocks)


def read_topics(login: KafkaLogin) -> tuple[dict[str, list[Record]], dict[str, dict[int, int]]]:
    """Every committed record of every topic of ours, and the end of each partition. Raises TopicUnreadable."""
    consumer = Consumer(
        {
            "bootstrap.servers": login.bootstrap, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": login.user, "sasl.password": login.password, "group.id": "fault-evidence",
            "enable.auto.commit": False, "enable.partition.eof": True, "isolation.level": "read_committed", "log_level": 2,
        }
    )  # fmt: skip
    try:
        there = consumer.list_topics(timeout=_SECONDS).topics
        names = sorted(name for name in there if not name.startswith("__") and name != CLOCK)
        ends: dict[str, dict[int, int]] = defaultdict(dict)
        places = []
        for name in names:
            for partition in there[name].partitions:
                first, end = consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=_SECONDS)
                ends[name][partition] = end
                if end > first:
                    places.append(TopicPartition(name, partition, first))
        found: dict[str, list[Record]] = {name: [] for name in names}
        for record in _read(consumer, places):
            found[record.topic].append(record)
    finally:
        consumer.close()
    return {name: sorted(found[name], key=lambda r: (r.partition, r.offset)) for name in names}, dict(ends)


def _read(consumer: Consumer, places: list[TopicPartition]) -> list[Record]:
    missing, found = {(place.topic, place.partition) for place in places}, []
    heard = time.monotonic()
    if places:
        consumer.assign(places)
    while missing:
        batch = consumer.consume(2000, _WAIT_SECONDS)  # which waits so long for as many
        heard = time.monotonic() if batch else heard
        if time.monotonic() - heard > _SECONDS:
            raise TopicUnreadable(f"nothing for {_SECONDS:.0f} s, still unread: {sorted(missing)}")
        for message in batch:
            topic, partition, offset = message.topic(), message.partition(), message.offset()
            assert topic is not None
            assert partition is not None
            assert offset is not None
            if error := message.error():
                if error.code() != KafkaError._PARTITION_EOF:
                    raise TopicUnreadable(str(error))
                missing.discard((topic, partition))
                continue
            headers = tuple((str(name), _bytes(value) or b"") for name, value in list(message.headers() or ()))
            found.append(Record(topic, partition, offset, _bytes(message.key()), headers, _bytes(message.value())))
    return found


def _bytes(value: object) -> bytes | None:
    return value.encode() if isinstance(value, str) else cast("bytes | None", value)

"""`polyplus lag`: how far every consumer is behind, and what no relay has published yet."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from deploy.cli.arguments import add_home

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

Place = tuple[str, int]
_OFFSETS = "SELECT consumer, topic, partition, next FROM consumer_offsets ORDER BY consumer, topic, partition"
# What is not in the window before `prev`, nor in the part of the one up to `cur` that Kafka has acknowledged.
_UNPUBLISHED = """
WITH candidates AS (
    SELECT xid, id, time FROM outbox WHERE xid >= (SELECT pg_snapshot_xmax(prev) FROM relay_position)
    UNION ALL
    SELECT xid, id, time FROM outbox WHERE xid = ANY (ARRAY(SELECT pg_snapshot_xip(prev) FROM relay_position))
)
SELECT count(*) AS events, extract(epoch FROM app_now() - min(time))::float8 AS oldest
  FROM candidates, relay_position WHERE NOT (pg_visible_in_snapshot(xid, cur) AND id <= last_id)
"""


@dataclass(frozen=True)
class Reading:
    """How far a consumer has come with a partition; `end` None is a topic that Kafka does not have."""

    consumer: str
    topic: str
    partition: int
    next: int
    end: int | None

    @property
    def behind(self) -> int:
        return max(0, (self.end or 0) - self.next)


@dataclass(frozen=True)
class Unpublished:
    """What waits in a service's outbox; the age of the oldest is in seconds of domain time, None when nothing waits."""

    service: str
    events: int
    oldest_seconds: float | None


def add_commands(commands: Commands) -> None:
    lag = commands.add_parser("lag", help="how far consumers and relays are behind")
    lag.add_argument("--service", help="only this one")
    lag.add_argument("--partitions", action="store_true", help="every partition, also those that are at their end")
    lag.add_argument("--json", action="store_true", help="everything, as JSON")
    lag.set_defaults(run=lambda arguments: asyncio.run(_lag(arguments)))
    add_home(lag)


async def _lag(arguments: argparse.Namespace) -> int:
    from deploy.cli.places import chosen, known_environment

    known = known_environment(arguments.home)
    readings, unpublished = await look(known, chosen(known, arguments.service))
    if arguments.json:
        consumers = [{**asdict(reading), "behind": reading.behind} for reading in readings]
        print(json.dumps({"consumers": consumers, "relays": [asdict(each) for each in unpublished]}))
    else:
        print("\n".join([*_lines(readings, partitions=arguments.partitions), *map(_relay_line, unpublished)]))
    return 0


async def look(known: Mapping[str, str], services: Iterable[str]) -> tuple[list[Reading], list[Unpublished]]:
    """Raises CannotRun when a database or Kafka does not answer."""
    from deploy.cli.places import connected

    stored, unpublished = [], []
    for service in services:
        async with connected(known, service) as database:
            stored += await database.fetch(_OFFSETS)
            waiting = await database.fetchrow(_UNPUBLISHED)
        assert waiting is not None
        unpublished.append(Unpublished(service, waiting["events"], waiting["oldest"] and max(0.0, waiting["oldest"])))
    ends = await asyncio.to_thread(_ends, known, {row["topic"] for row in stored})
    readings = [
        Reading(
            row["consumer"], row["topic"], row["partition"], row["next"], ends.get((row["topic"], row["partition"]))
        )
        for row in stored
    ]
    return readings, unpublished


def _ends(known: Mapping[str, str], topics: set[str]) -> dict[Place, int]:
    from confluent_kafka import KafkaException, TopicPartition
    from confluent_kafka.admin import OffsetSpec

    from deploy.local.errors import CannotRun
    from deploy.topics import admin_client

    if not topics:
        return {}
    names = ("POLYPLUS_KAFKA_BOOTSTRAP", "POLYPLUS_KAFKA_OPS_USER", "POLYPLUS_KAFKA_OPS_PASSWORD")
    if absent := [name for name in names if name not in known]:
        raise CannotRun(f"{', '.join(absent)} not set: where Kafka is, and who may look")
    admin = admin_client(*(known[name] for name in names))
    try:
        there = admin.list_topics(timeout=10).topics
        places = [TopicPartition(topic, n) for topic in topics & there.keys() for n in there[topic].partitions]
        newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = admin.list_offsets(dict.fromkeys(places, newest), request_timeout=10) if places else {}
        return {(place.topic, place.partition): found.result().offset for place, found in asked.items()}
    except KafkaException as error:
        raise CannotRun(f"Kafka at {known[names[0]]} does not answer: {error.args[0].str()}") from error


def _lines(readings: Iterable[Reading], *, partitions: bool) -> Iterable[str]:
    for (consumer, topic), group in groupby(readings, key=lambda reading: (reading.consumer, reading.topic)):
        found = list(group)
        yield f"{consumer:<14}{topic:<22}{sum(reading.behind for reading in found):>9} behind"
        for reading in found:
            if partitions or reading.behind or reading.end is None:
                end = "no such partition" if reading.end is None else f"of {reading.end}"
                yield f"{'':<14}{f'  partition {reading.partition}':<22}{reading.behind:>9} behind: at {reading.next} {end}"


def _relay_line(waiting: Unpublished) -> str:
    age = f", the oldest for {waiting.oldest_seconds:.1f} s" if waiting.oldest_seconds is not None else ""
    return f"{waiting.service:<14}{'outbox':<22}{waiting.events:>9} unpublished{age}"

"""`polyplus lag`: how far everything is behind, and what has come to a halt."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Self

from deploy.cli.arguments import operators_command
from deploy.cli.output import complain, print_json, print_table
from deploy.local.errors import CannotRun

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands
    from libs.bus.backlog import Backlog

_TEACH = """
Two tables: how many events each consumer has still to handle, by topic (with the partitions that are behind), and for each service
what no relay has sent to Kafka yet, timers that should have fired, calls to the outside that have failed so far, dead letters and
the keys that wait for them. A row with trouble is marked `!`: more than --max events behind, older than --max-age seconds, or any
dead letter. Ages are in domain time, which a sandbox's clock moves.

examples:
  polyplus lag                            everything
  polyplus lag --service rma --partitions every partition of one service's consumer
  polyplus lag --max 0 --max-age 5        is everything quiet? says so by its exit code
  polyplus lag --json | jq '.consumers[] | select(.behind > 0)'
"""
_OFFSETS = "SELECT consumer, topic, partition, next FROM consumer_offsets ORDER BY consumer, topic, partition"


@dataclass(frozen=True)
class Reading:
    """How far a consumer has come with a partition; `end` None is one that Kafka does not have, or a Kafka that is away."""

    consumer: str
    topic: str
    partition: int
    next: int
    end: int | None

    @property
    def behind(self) -> int:
        return max(0, (self.end or 0) - self.next)


@dataclass(frozen=True)
class Standing:
    """What waits in a service's database. Ages are None when nothing waits."""

    service: str
    unpublished: int
    oldest_seconds: float | None
    timers_due: int
    timers_late_seconds: float | None
    calls_failing: int
    dead_letters: int
    parked_keys: int

    @classmethod
    def of(cls, service: str, found: Backlog) -> Self:
        return cls(
            service,
            found.unpublished_events,
            found.oldest_unpublished_seconds if found.unpublished_events else None,
            found.timers_due,
            found.timers_late_seconds if found.timers_due else None,
            found.jobs_failing,
            found.dead_letters,
            found.parked_keys,
        )

    def is_trouble(self, seconds: float) -> bool:
        ages = max(self.oldest_seconds or 0.0, self.timers_late_seconds or 0.0)
        return ages > seconds or bool(self.dead_letters or self.parked_keys)


@dataclass
class Look:
    """All that could be seen, and what was out of reach."""

    readings: list[Reading] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    ends_known: bool = True  # Kafka told them


def add_commands(commands: Commands) -> None:
    lag = operators_command(commands, "lag", "how far everything is behind, and what has come to a halt", _TEACH)
    lag.add_argument("--service", help="only this one")
    lag.add_argument("--partitions", action="store_true", help="every partition, also those that are at their end")
    lag.add_argument(
        "--max", type=int, default=1000, metavar="EVENTS", help="more than this behind a topic is trouble (%(default)s)"
    )
    lag.add_argument(
        "--max-age", type=float, default=60, metavar="SECONDS", help="older than this is trouble (%(default)s)"
    )
    lag.set_defaults(run=lambda arguments: asyncio.run(_lag(arguments)))


async def _lag(arguments: argparse.Namespace) -> int:
    from deploy.cli.places import chosen, known_environment

    known = known_environment(arguments.home)
    seen = await look(known, chosen(known, arguments.service))
    topics = [(place, list(group)) for place, group in groupby(seen.readings, key=lambda r: (r.consumer, r.topic))]
    slow = [i for i, (_, found) in enumerate(topics) if sum(r.behind for r in found) > arguments.max]
    stuck = [i for i, standing in enumerate(seen.standings) if standing.is_trouble(arguments.max_age)]
    if arguments.json:
        consumers = [{**asdict(reading), "behind": reading.behind} for reading in seen.readings]
        print_json({"consumers": consumers, "services": [asdict(each) for each in seen.standings]})
    else:
        rows = [
            (
                *place,
                sum(r.behind for r in found) if seen.ends_known else None,
                _places(found, seen, every=arguments.partitions),
            )
            for place, found in topics
        ]
        if rows:
            print_table(("consumer", "topic", "behind", "partitions"), rows, marked=slow)
            print()
        headers = (
            "service",
            "unpublished",
            "oldest",
            "timers due",
            "latest by",
            "calls failing",
            "dead letters",
            "parked keys",
        )
        print_table(headers, [tuple(asdict(each).values()) for each in seen.standings], marked=stuck)
    for away in seen.unreachable:
        complain(away)
    return 2 if seen.unreachable else int(bool(slow or stuck))


def _places(found: Iterable[Reading], seen: Look, *, every: bool) -> str:
    if not seen.ends_known:
        return ", ".join(f"{r.partition}: {r.next}" for r in found) if every else ""
    told = [r for r in found if every or r.behind or r.end is None]
    return ", ".join(f"{r.partition}: {r.next} of {'none such' if r.end is None else r.end}" for r in told)


async def look(known: Mapping[str, str], services: Sequence[str]) -> Look:
    """At every service that answers."""
    from deploy.cli.places import connected
    from libs.bus.backlog import backlog

    seen, stored = Look(), []
    for service in services:
        try:
            async with connected(known, service) as database:
                stored += await database.fetch(_OFFSETS)
                standing = Standing.of(service, await backlog(database))
        except CannotRun as away:
            seen.unreachable.append(str(away))
            continue
        seen.standings.append(standing)
    ends: Mapping[tuple[str, int], int] = {}
    try:
        ends = await asyncio.to_thread(_ends, known, {row["topic"] for row in stored})
    except CannotRun as away:
        seen.unreachable.append(str(away))
        seen.ends_known = False
    for row in stored:
        place = row["topic"], row["partition"]
        seen.readings.append(Reading(row["consumer"], *place, row["next"], ends.get(place)))
    return seen


def _ends(known: Mapping[str, str], topics: set[str]) -> dict[tuple[str, int], int]:
    from confluent_kafka import KafkaError, KafkaException, TopicPartition
    from confluent_kafka.admin import OffsetSpec

    from deploy.cli.places import needed
    from deploy.topics import admin_client

    if not topics:
        return {}
    bootstrap, *login = needed(
        known, "POLYPLUS_KAFKA_BOOTSTRAP", "POLYPLUS_KAFKA_OPS_USER", "POLYPLUS_KAFKA_OPS_PASSWORD"
    )
    admin, last = admin_client(bootstrap, *login), ""
    for pause in (0.5, 0.5, 0.0):
        try:
            there = admin.list_topics(timeout=10).topics
            places = [TopicPartition(topic, n) for topic in topics & there.keys() for n in there[topic].partitions]
            newest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
            asked = admin.list_offsets(dict.fromkeys(places, newest), request_timeout=10) if places else {}
            return {(place.topic, place.partition): found.result().offset for place, found in asked.items()}
        except KafkaException as error:
            last = error.args[0].str()
            if error.args[0].code() in (KafkaError._TRANSPORT, KafkaError._TIMED_OUT):
                break  # anything else may be a broker that has just come back
        time.sleep(pause)
    raise CannotRun(f"Kafka at {bootstrap} does not answer: {last}")

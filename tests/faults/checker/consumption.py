"""What each service heard, and what it made of it: the ground of I5, I6, I9 and I12."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from uuid import UUID

from libs.bus import Handlers
from libs.bus.envelope import Delivery
from libs.bus.projections import Rebuildable
from libs.bus.replicas import Replicas
from libs.kit.service import Service
from tests.faults.evidence import Change, Database, Evidence, Row
from tests.faults.witness import WITNESS

Place = tuple[str, int]


def consumers(evidence: Evidence) -> Iterator[Consumption]:
    """One for each service of the evidence that hears topics."""
    for service, database in evidence.databases.items():
        module = "tests.faults.witness" if service == WITNESS else f"services.{service}.app"
        found = getattr(import_module(module), "service", None)
        if isinstance(found, Service) and found.handlers.topics and "consumer_offsets" in database.tables:
            yield Consumption(found.handlers, database, evidence, found.projections, found.replicas)


@dataclass
class Consumption:
    """One consumer group with its database."""

    handlers: Handlers
    database: Database
    evidence: Evidence
    projections: Sequence[Rebuildable] = ()
    replicas: Replicas = field(default_factory=lambda: Replicas("nobody"))

    @property
    def name(self) -> str:
        return self.handlers.consumer

    @cached_property
    def heard(self) -> list[Delivery]:
        """Every record that concerns this consumer, duplicates too, in each partition's order."""
        records = (r for topic in sorted(self.handlers.topics) for r in self.evidence.topics.get(topic, []))
        return [record.delivery for record in records if self.handlers.hears(record.delivery)]

    @cached_property
    def first(self) -> list[Delivery]:
        """The same without duplicates: where each event came first."""
        seen: set[tuple[str, UUID]] = set()
        return [d for d in self.heard if (d.topic, d.event_id) not in seen and not seen.add((d.topic, d.event_id))]  # type: ignore[func-returns-value]

    @cached_property
    def claims(self) -> dict[str, list[Change]]:
        """When each event was claimed in the inbox; rows that are gone since are among them."""
        found = defaultdict(list)
        for change in self.database.changes("inbox"):
            if change.new and change.new["consumer"] == self.name:
                found[change.new["event_id"]].append(change)
        return found

    @cached_property
    def inbox(self) -> set[str]:
        return {row["event_id"] for row in self.database["inbox"] if row["consumer"] == self.name}

    def applied(self, delivery: Delivery) -> bool:
        return str(delivery.event_id) in self.inbox or str(delivery.event_id) in self.claims

    @cached_property
    def dead_letters(self) -> dict[tuple[str, int, int], Row]:
        """By topic, partition and offset."""
        rows = (row for row in self.database["dead_letters"] if row["consumer"] == self.name)
        return {(row["topic"], row["partition"], row["record_offset"]): row for row in rows}

    def is_dead_letter(self, delivery: Delivery) -> bool:
        return (delivery.topic, delivery.partition, delivery.offset) in self.dead_letters

    @cached_property
    def next(self) -> dict[Place, int]:
        """The stored offsets."""
        rows = (row for row in self.database["consumer_offsets"] if row["consumer"] == self.name)
        return {(row["topic"], row["partition"]): row["next"] for row in rows}

    @cached_property
    def moves(self) -> dict[Place, list[Change]]:
        """Every change of an offset."""
        found = defaultdict(list)
        for change in self.database.changes("consumer_offsets"):
            row = change.new or change.old or {}
            if row["consumer"] == self.name:
                found[row["topic"], row["partition"]].append(change)
        return found

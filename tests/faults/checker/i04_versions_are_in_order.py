"""I4: per aggregate (its kind and its id), versions after de-duplication are gap-free and increasing, and all in one partition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from deploy.services import STATE_TOPICS
from libs.bus.envelope import Delivery
from tests.faults.checker.look import Look
from tests.faults.evidence import Evidence, Record


def examine(evidence: Evidence, look: Look) -> None:
    produced = evidence.produced()
    by_aggregate: dict[tuple[str, str, str], dict[str, Delivery]] = defaultdict(dict)
    for record in evidence.records(suffix=".events"):
        event = record.delivery
        if event.type and (record.topic, str(event.event_id)) not in produced:
            by_aggregate[record.topic, event.kind, str(event.subject)].setdefault(str(event.event_id), event)
    for (topic, kind, subject), events in by_aggregate.items():
        look.count("aggregates")
        look.count("events", len(events))
        versions = [event.version for event in events.values()]
        if versions != list(range(1, len(versions) + 1)):
            look.object(
                "versions are not 1, 2, 3 … in the topic's order",
                topic=topic,
                kind=kind,
                subject=subject,
                versions=versions,
            )
        partitions = {event.partition for event in events.values()}
        look.expect(
            len(partitions) == 1,
            "an aggregate's events lie in several partitions",
            topic=topic,
            kind=kind,
            subject=subject,
        )
    for topic in STATE_TOPICS:
        _states([record for record in evidence.topics.get(topic, []) if not record.is_beat], look)


def _states(records: Sequence[Record], look: Look) -> None:
    """On a compacted topic some are gone, but what is left goes up; what is sent again is the newest, or newer."""
    last: dict[bytes | None, int] = {}
    for record in records:
        version = record.delivery.version
        look.count("states")
        look.expect(
            version >= last.get(record.key, 1), "an older state came back on a compacted topic",
            key=record.key, version=version, after=last.get(record.key),
        )  # fmt: skip
        last[record.key] = version

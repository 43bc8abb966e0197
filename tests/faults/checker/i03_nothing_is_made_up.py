"""I3: no event in Kafka without a committed row. What the run itself put on a topic is in its history, and set apart, and so are the
beats of state topics, which say nothing."""

from __future__ import annotations

from tests.faults.checker.look import Look
from tests.faults.evidence import Evidence


def examine(evidence: Evidence, look: Look) -> None:
    committed = {(row["topic"], row["event_id"]) for d in evidence.databases.values() for row in d["outbox"]}
    produced = evidence.produced()
    for record in evidence.records():
        event = record.delivery
        known = (record.topic, str(event.event_id) if event.type else None)
        if known in produced:
            look.count("records put there by the run itself")
            continue
        if record.is_beat:
            look.count("beats")
            continue
        look.count("records")
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        if not event.type:
            look.object("a record is no event of ours", **place)
        elif known not in committed:
            look.object(
                "an event is in Kafka and was never committed", type=event.type, event_id=event.event_id, **place
            )

"""I9: dead letters complete and replayable, a parked key is never overtaken.

A dead letter holds all that its record said, is on `<service>.dlq`, and its key is parked for as long as anything of it waits. Per
key the inbox claims events in the order of the log: whatever came after a dead letter waits with it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.bus.envelope import Delivery
from tests.faults.checker.consumption import Consumption, consumers
from tests.faults.checker.look import Look
from tests.faults.evidence import Evidence, Row, data_of


def examine(evidence: Evidence, look: Look) -> None:
    for consumption in consumers(evidence):
        _complete(consumption, look)
        _parked(consumption, look)
        _in_order(consumption, look)


def _complete(consumption: Consumption, look: Look) -> None:
    records = {(d.topic, d.partition, d.offset): d for d in consumption.heard}
    told = {(row["topic"], row["event_id"]) for row in consumption.database["outbox"]}
    for place, row in consumption.dead_letters.items():
        look.count("dead letters")
        named = {"consumer": consumption.name, "topic": place[0], "partition": place[1], "offset": place[2]}
        if place not in records:
            look.object("a dead letter of a record that is not there", **named)
            continue
        if different := _differences(row, records[place]):
            look.object("a dead letter does not hold what its record said", **named, fields=different)
        if row["status"] == "dead" or row["error"]:
            look.expect(
                (f"{consumption.name}.dlq", row["event_id"]) in told, "a dead letter was not told on the dlq topic", **named
            )  # fmt: skip
            look.expect(bool(row["error"]), "a dead letter does not say why", **named)
        if row["status"] == "replayed":
            look.expect(
                consumption.applied(records[place]), "a dead letter was replayed without being handled", **named
            )


def _differences(row: Row, record: Delivery) -> list[str]:
    envelope = row["headers"]
    said: dict[str, tuple[Any, Any]] = {
        "key": (UUID(row["key"]), record.key),
        "event_id": (UUID(row["event_id"]), record.event_id),
        "type": (row["type"], record.type),
        "data": (data_of(row), record.data),
        "subject": (envelope.get("subject"), str(record.subject)),
        "version": (envelope.get("version"), record.version),
        "time": (envelope.get("time") and datetime.fromisoformat(envelope["time"]), record.time),
        "actor": (envelope.get("actor"), record.actor),
        "account_id": (envelope.get("account_id"), record.account_id and str(record.account_id)),
        "causation_id": (envelope.get("causation_id"), record.causation_id and str(record.causation_id)),
    }
    return [name for name, (kept, was) in said.items() if kept != was]


def _parked(consumption: Consumption, look: Look) -> None:
    rows = (row for row in consumption.database["parked_keys"] if row["consumer"] == consumption.name)
    parked = {(row["topic"], row["key"]) for row in rows}
    heads: dict[tuple[str, str], int] = {}
    for (topic, _, offset), row in consumption.dead_letters.items():
        if row["status"] == "dead":
            place = (topic, row["key"])
            heads[place] = min(offset, heads.get(place, offset))
    for topic, key in parked ^ heads.keys():
        why = "a key is parked without a dead letter" if (topic, key) in parked else "a dead letter's key is not parked"
        look.object(why, consumer=consumption.name, topic=topic, key=key)
    for (topic, _, offset), row in consumption.dead_letters.items():
        if row["status"] == "waiting":
            look.count("events that wait")
            head = heads.get((topic, row["key"]))
            look.expect(
                head is not None and head < offset, "an event waits behind no dead letter",
                consumer=consumption.name, topic=topic, key=row["key"], offset=offset,
            )  # fmt: skip


def _in_order(consumption: Consumption, look: Look) -> None:
    by_key: dict[tuple[str, UUID], list[Delivery]] = defaultdict(list)
    for delivery in consumption.first:
        by_key[delivery.topic, delivery.key].append(delivery)
    for (topic, key), deliveries in by_key.items():
        look.count("keys")
        named = {"consumer": consumption.name, "topic": topic, "key": key}
        waiting: Delivery | None = None
        last = 0
        for delivery in deliveries:
            claims = consumption.claims.get(str(delivery.event_id))
            if not consumption.applied(delivery):
                waiting = waiting or (delivery if consumption.is_dead_letter(delivery) else None)
            elif waiting:
                look.object(
                    "a parked key was overtaken", **named, parked_at=waiting.offset, overtaken_by=delivery.offset
                )  # fmt: skip
                break
            elif claims:
                look.expect(
                    claims[0].n > last, "events of a key were handled out of their order", **named, offset=delivery.offset
                )  # fmt: skip
                last = max(last, claims[0].n)

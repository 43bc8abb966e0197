"""I2: every committed outbox event is in Kafka at least once, as it was written; of one whose words were taken out since, the rest.

Of what is told as state the newest record of each key has to be there, as it stands in the owner's table.
"""

from __future__ import annotations

import json
from collections import defaultdict
from uuid import UUID

from deploy.services import STATE_TOPICS
from libs.bus.envelope import Delivery
from libs.events.redaction import REDACTED
from tests.faults.checker.look import Look
from tests.faults.evidence import Evidence, Row, data_of


def examine(evidence: Evidence, look: Look) -> None:
    sent: dict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for record in evidence.records():
        sent[record.topic, str(record.delivery.event_id)].append(record.delivery)
    stand = {(record.topic, record.delivery.key): record.delivery for record in evidence.records()}
    for service, database in evidence.databases.items():
        for row in database["outbox"]:
            if row["topic"] in STATE_TOPICS:
                continue
            look.count("committed events")
            found = sent[row["topic"], row["event_id"]]
            if not found:
                look.object("a committed event is not in Kafka", service=service, **_named(row))
            elif not any(_same(row, delivery) for delivery in found):
                look.object(
                    "an event is in Kafka in another form than it was committed", service=service, **_named(row)
                )
        for row in database["states"]:
            look.count("states")
            state = stand.get((row["topic"], UUID(row["key"])))
            look.expect(
                state is not None and (state.version, state.data) == (row["version"], data_of(row)),
                "a state is not the newest of its key in Kafka",
                service=service, topic=row["topic"], key=row["key"], version=row["version"],
            )  # fmt: skip


def _named(row: Row) -> Row:
    return {name: row[name] for name in ("topic", "type", "subject", "version", "event_id")}


def _same(row: Row, d: Delivery) -> bool:
    said = (d.key, d.type, d.subject, d.version, d.account_id, d.causation_id)
    written = (row["key"], row["type"], row["subject"], row["version"], row["account_id"], row["causation_id"])
    return tuple(None if each is None else str(each) for each in said) == tuple(
        None if each is None else str(each) for each in written
    ) and (d.actor, d.data if not _taken_out(row) else data_of(row)) == (row["actor"], data_of(row))


def _taken_out(row: Row) -> bool:
    """The row says something else since a redaction; the raw record stays."""
    return REDACTED.encode() in (data_of(row) or b"") and json.loads(data_of(row) or b"{}").get(REDACTED) is True

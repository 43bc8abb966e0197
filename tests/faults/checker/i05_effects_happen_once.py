"""I5: database effects per (consumer, event) ≤ 1, and = 1 once quiet unless dead-lettered.

An event's claim in the inbox and all that its handler wrote are one transaction. So: one claim for each event heard; all rows that
a consumer emitted because of it in the claim's own transaction; in activity's stream one row; and one that the witness wrote,
whose handler would write another each time. What a fact brings about is there once. Inbox rows that were pruned are known from the
triggers.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from tests.faults.checker.consumption import Consumption, consumers
from tests.faults.checker.look import Look
from tests.faults.evidence import Evidence
from tests.faults.witness import WITNESS

ACTS = (("rma", "rmas", "cause_id"), ("onsite", "work_orders", "diagnosis_id"), ("ecps", "engagements", "diagnosis_id"))
"""What is unique by what caused it."""


def examine(evidence: Evidence, look: Look) -> None:
    for consumption in consumers(evidence):
        _claims(consumption, look)
        _emitted(consumption, look)
        if consumption.name == "activity":
            _streamed(consumption, look)
        elif consumption.name == WITNESS:
            _sighted(consumption, look)
    for service, table, cause in ACTS:
        if database := evidence.databases.get(service):
            for id, times in Counter(row[cause] for row in database[table]).items():
                look.count("acts")
                look.expect(
                    times == 1, "one cause brought about the same thing twice", table=f"{service}.{table}", cause=id
                )


def _claims(consumption: Consumption, look: Look) -> None:
    dead = {row["event_id"] for row in consumption.dead_letters.values()}
    for delivery in consumption.first:
        look.count("events heard")
        id = str(delivery.event_id)
        named = {"consumer": consumption.name, "type": delivery.type, "event_id": id}
        claims = consumption.claims.get(id, [])
        look.expect(len(claims) <= 1, "an event was claimed more than once", **named, xids=[c.xid for c in claims])
        if not consumption.applied(delivery):
            look.expect(
                id in dead, "an event was never handled and is no dead letter",
                **named, topic=delivery.topic, partition=delivery.partition, offset=delivery.offset,
            )  # fmt: skip


def _emitted(consumption: Consumption, look: Look) -> None:
    xids: dict[str, set[str]] = defaultdict(set)
    for row in consumption.database["outbox"]:
        if row["causation_id"] and not row["topic"].endswith(".dlq"):
            xids[row["causation_id"]].add(str(row["xid"]))
    for cause, found in xids.items():
        look.count("events that brought about others")
        claimed = {change.xid for change in consumption.claims.get(cause, [])}
        if len(found) > 1 or found != claimed:
            look.object(
                "an event had its effects outside the transaction that claimed it",
                consumer=consumption.name, event_id=cause, claimed_in=sorted(claimed), effects_in=sorted(found),
            )  # fmt: skip


def _sighted(consumption: Consumption, look: Look) -> None:
    rows = Counter((row["topic"], row["event_id"]) for row in consumption.database["sightings"])
    for delivery in consumption.first:
        look.count("events before the witness")
        times = rows[delivery.topic, str(delivery.event_id)]
        look.expect(
            times == consumption.applied(delivery), "a handler was given an event another number of times than it was claimed",
            consumer=consumption.name, topic=delivery.topic, event_id=delivery.event_id, times=times,
        )  # fmt: skip


def _streamed(consumption: Consumption, look: Look) -> None:
    rows = Counter(row["event_id"] for row in consumption.database["activity_events"])
    for delivery in consumption.first:
        if consumption.applied(delivery):
            look.count("events of the stream")
            times = rows[str(delivery.event_id)]
            look.expect(
                times == 1, "an event is not in the stream exactly once", event_id=delivery.event_id, times=times
            )
    places = Counter(row["seq"] for row in consumption.database["activity_events"])
    twice = [place for place, times in places.items() if times > 1]
    look.expect(not twice, "places of the stream were given twice", places=twice[:5])

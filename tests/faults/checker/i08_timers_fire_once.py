"""I8: a timer generation fires once or is cancelled, never both, never early.

The triggers saw each generation begin and end: taken to be fired, cancelled or moved by the flush of some transaction, or dropped
because its aggregate is no more. Whatever a service emits of itself, caused by no event, belongs to a transaction that took a
timer or ended a job: a firing that did not take its timer shows there.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID

from libs.store.pending import Timer, write_timers
from tests.faults.checker.look import Look
from tests.faults.evidence import Change, Database, Evidence, Row

_CANCEL = write_timers([Timer("", UUID(int=0), "", None)])[0].sql.partition("{")[0]
"""How a flush takes a timer back, up to its parameters."""


def examine(evidence: Evidence, look: Look) -> None:
    for database in evidence.databases.values():
        changes = database.changes("timers")
        ends: dict[int, list[str]] = defaultdict(list)
        begins: dict[int, int] = defaultdict(int)
        taken: set[str] = set()
        instants = {str(row["xid"]): row["time"] for row in database["outbox"]}
        for change in changes:
            if change.new and (change.old is None or change.old["generation"] != change.new["generation"]):
                begins[change.new["generation"]] += 1
            if change.old and (change.new is None or change.old["generation"] != change.new["generation"]):
                how = _end(change)
                look.count(f"timers {how}")
                ends[change.old["generation"]].append(how)
                if how == "fired":
                    taken.add(change.xid)
                    _not_early(database, change, instants.get(change.xid, change.now), look)
        _each_once(database, begins, ends, look)
        _nothing_of_itself(database, taken, look)
    _sampled(evidence, look)


def _end(change: Change) -> str:
    if change.new is not None:
        return "moved"
    if _CANCEL in change.query:
        return "cancelled"
    return "dropped" if "NOT EXISTS" in change.query else "fired"


def _not_early(database: Database, change: Change, instant: str, look: Look) -> None:
    """`instant` is the firing transaction's own where it emitted something, else when the timer was taken."""
    assert change.old is not None
    due, now = datetime.fromisoformat(change.old["due_at"]), datetime.fromisoformat(instant)
    look.expect(
        due <= now, "a timer fired early", service=database.service, **_named(change.old),
        now=now.isoformat(), early_seconds=(due - now).total_seconds(),
    )  # fmt: skip


def _each_once(database: Database, begins: dict[int, int], ends: dict[int, list[str]], look: Look) -> None:
    there = {row["generation"] for row in database["timers"]}
    service = database.service
    for generation, how in ends.items():
        look.expect(len(how) == 1, "a timer ended more than once", service=service, generation=generation, ends=how)
        if generation in there:
            look.object("a timer that ended is still there", service=service, generation=generation, ends=how)
    for generation, times in begins.items():
        look.expect(times == 1, "a generation was given twice", service=service, generation=generation)
        if generation not in ends and generation not in there:
            look.object("a timer is gone without an end", service=service, generation=generation)


def _nothing_of_itself(database: Database, taken: set[str], look: Look) -> None:
    worked = {change.xid for change in database.changes("jobs") if change.old}
    for row in database["outbox"]:
        by_itself = row["actor"] == f"system:{database.service}" and not row["causation_id"]
        if by_itself and not row["topic"].endswith(".dlq"):
            look.count("events that timers and jobs emitted")
            if str(row["xid"]) not in taken | worked:
                look.object(
                    "a service acted of itself without taking the timer or ending the job",
                    service=database.service, type=row["type"], event_id=row["event_id"], xid=row["xid"],
                )  # fmt: skip


def _sampled(evidence: Evidence, look: Look) -> None:
    """Generations seen from outside never go back either, also when the database itself was killed."""
    lines = sorted(evidence.history.of_kind("sample"), key=lambda line: (line["service"], line["tick"]))
    for one, other in pairwise(lines):
        if one["service"] == other["service"]:
            look.expect(
                other["generation"] >= one["generation"], "timer generations went back",
                service=one["service"], before=one["generation"], after=other["generation"],
            )  # fmt: skip


def _named(row: Row) -> Row:
    return {name: row[name] for name in ("aggregate", "aggregate_id", "kind", "due_at", "generation")}


def overdue(database: Database) -> list[Row]:
    """Timers that should have fired by the dump's own clock."""
    now = datetime.fromisoformat(database.now) if database.now else datetime.now(UTC)
    return [_named(row) for row in database["timers"] if datetime.fromisoformat(row["due_at"]) <= now]

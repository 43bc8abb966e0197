"""I14: no technician in two places.

Planned: bookings as they stand and as they ever committed, and the appointments that are still to be. Real: from the departure, or
the arrival, to the end of each visit as its history has it.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import pairwise

from tests.faults.checker.look import Look
from tests.faults.evidence import Database, Evidence, Row

_TO_BE = ("confirmed", "en_route", "in_progress")


def examine(evidence: Evidence, look: Look) -> None:
    database = evidence.databases.get("onsite")
    if database is None:
        return
    look.count("bookings", len(database["bookings"]))
    _apart(database["bookings"], "leaves_at", "ends", "two bookings of a technician overlap", look)
    _ever_apart(database, look)
    planned = [row for row in database["appointments"] if row["state"] in _TO_BE]
    look.count("appointments", len(database["appointments"]))
    _apart(planned, "starts", "ends", "two appointments of a technician overlap", look)
    _booked(planned, database, look)
    visits = [
        {**row, "over_at": over} for row in database["appointments"] if (over := _over(row)) and row["arrived_at"]
    ]
    look.count("visits", len(visits))
    _apart(visits, "arrived_at", "over_at", "a technician was at two sites at once", look)


def _apart(rows: list[Row], starts: str, ends: str, what: str, look: Look) -> None:
    of: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of[row["technician_id"]].append(row)
    for technician, each in of.items():
        for one, other in pairwise(sorted(each, key=lambda row: datetime.fromisoformat(row[starts]))):
            look.expect(
                datetime.fromisoformat(one[ends]) <= datetime.fromisoformat(other[starts]), what,
                technician=technician, until=one[ends], since=other[starts], orders=[one["work_order_id"], other["work_order_id"]],
            )  # fmt: skip


def _ever_apart(database: Database, look: Look) -> None:
    """Replays the diary: once each transaction was through, the technicians whose bookings it touched had no two at once.

    Whoever books holds the technician's row, so the changes of one technician's diary are in the order of the commits.
    """
    diary: dict[str, Row] = {}
    changes = database.changes("bookings")
    last = {change.xid: i for i, change in enumerate(changes)}
    touched: dict[str, set[str]] = defaultdict(set)
    for i, change in enumerate(changes):
        touched[change.xid] |= {row["technician_id"] for row in (change.old, change.new) if row}
        if change.old:
            diary.pop(change.old["id"], None)
        if change.new:
            look.count("changes of bookings")
            diary[change.new["id"]] = change.new
        if last[change.xid] == i:
            theirs = [row for row in diary.values() if row["technician_id"] in touched[change.xid]]
            _apart(theirs, "leaves_at", "ends", "two bookings of a technician overlapped", look)


def _booked(planned: list[Row], database: Database, look: Look) -> None:
    booked = {row["appointment_id"]: row for row in database["bookings"]}
    for row in planned:
        held = booked.get(row["id"])
        is_held = held is not None and held["technician_id"] == row["technician_id"]
        look.expect(is_held, "an appointment is in no diary", appointment=row["id"], technician=row["technician_id"])


def _over(appointment: Row) -> str | None:
    """When the visit ended: the instant of its last state."""
    last = appointment["history"][-1] if appointment["history"] else None
    return last["at"] if last and last["state"] in ("completed", "failed") else None

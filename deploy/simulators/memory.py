"""What a simulator remembers: its things and the notices it still owes, in one SQLite file, so that a restart forgets nothing."""

import json
import sqlite3
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

_SCHEMA = """
CREATE TABLE IF NOT EXISTS things (
    id TEXT PRIMARY KEY, reference TEXT NOT NULL, due_at REAL, body TEXT NOT NULL, made INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS things_reference ON things (reference);
CREATE INDEX IF NOT EXISTS things_due ON things (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS notices (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL, about TEXT NOT NULL, sequence INTEGER NOT NULL, body TEXT NOT NULL,
    in_order INTEGER NOT NULL, attempts INTEGER NOT NULL, made_at REAL NOT NULL, next_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS notices_next ON notices (next_at);
CREATE INDEX IF NOT EXISTS notices_about ON notices (about, sequence);
"""
_DUE = """
SELECT row, id, body, attempts, made_at FROM notices n WHERE next_at <= :now AND NOT (in_order AND EXISTS (
    SELECT 1 FROM notices e WHERE e.about = n.about AND e.sequence < n.sequence)) ORDER BY next_at, row LIMIT :limit
"""


@dataclass(frozen=True)
class Owed:
    """A notice to deliver; `id` stays the same however often it is sent. Times in real epoch seconds."""

    row: int
    id: str
    body: bytes
    attempts: int
    made_at: float


@dataclass(frozen=True)
class Notice:
    """Something to tell about a thing: its `sequence`-th, in order unless that is given up. `delay` in real seconds."""

    about: str
    sequence: int
    body: dict[str, Any]
    in_order: bool = True
    delay: float = 0.0
    copies: int = 1


class Memory:
    """Not for threads: everything happens between two awaits of one event loop."""

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def keep(self, thing: str, reference: str, body: str, due: datetime | None, notices: Iterable[Notice]) -> None:
        """The thing as it now is (JSON), when it moves by itself next, and what is to be told of it: all or nothing."""
        real_now = time.time()
        with self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT INTO things (id, reference, due_at, body, made) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at, body = excluded.body",
                (thing, reference, due.timestamp() if due else None, body, time.time_ns()),
            )
            for notice in notices:
                sent = (
                    str(notice.body.get("event_id") or uuid4()), notice.about, notice.sequence, json.dumps(notice.body),
                    notice.in_order, real_now, real_now + notice.delay,
                )  # fmt: skip
                self._db.executemany(
                    "INSERT INTO notices (id, about, sequence, body, in_order, attempts, made_at, next_at)"
                    " VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
                    [sent] * notice.copies,
                )

    def thing(self, thing: str) -> str | None:
        row = self._db.execute("SELECT body FROM things WHERE id = ?", (thing,)).fetchone()
        return row[0] if row else None

    def forget(self, thing: str) -> None:
        """It is gone; what is to be told of it is told all the same."""
        self._db.execute("DELETE FROM things WHERE id = ?", (thing,))

    def with_reference(self, reference: str) -> list[str]:
        """Things under the other side's reference, oldest first."""
        rows = self._db.execute("SELECT body FROM things WHERE reference = ? ORDER BY made", (reference,))
        return [body for (body,) in rows]

    def newest(self, limit: int, offset: int = 0) -> list[str]:
        rows = self._db.execute("SELECT body FROM things ORDER BY made DESC LIMIT ? OFFSET ?", (limit, offset))
        return [body for (body,) in rows]

    def due_things(self, now: datetime, limit: int) -> list[str]:
        """Things whose time to move has come, by the sandbox clock."""
        rows = self._db.execute(
            "SELECT body FROM things WHERE due_at <= ? ORDER BY due_at LIMIT ?", (now.timestamp(), limit)
        )
        return [body for (body,) in rows]

    def next_due(self, things: Collection[str] | None = None) -> float | None:
        """When the next thing, or the next of these, moves by itself, in sandbox epoch seconds."""
        which = "" if things is None else f" WHERE id IN ({', '.join('?' * len(things))})"
        found: float | None = self._db.execute(
            f"SELECT min(due_at) FROM things{which}", tuple(things or ())
        ).fetchone()[0]
        return found

    def due_notices(self, limit: int) -> list[Owed]:
        rows = self._db.execute(_DUE, {"now": time.time(), "limit": limit})
        return [Owed(row, id_, body.encode(), attempts, made_at) for row, id_, body, attempts, made_at in rows]

    def owed(self) -> int:
        """How many notices are still to be delivered."""
        count: int = self._db.execute("SELECT count(*) FROM notices").fetchone()[0]
        return count

    def settle(self, notice: Owed) -> None:
        self._db.execute("DELETE FROM notices WHERE row = ?", (notice.row,))

    def postpone(self, notice: Owed, seconds: float) -> None:
        next_at = time.time() + seconds
        self._db.execute("UPDATE notices SET attempts = attempts + 1, next_at = ? WHERE row = ?", (next_at, notice.row))

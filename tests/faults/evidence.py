"""What a run leaves behind: dumps of every service's database and of every topic, and the client's history.

A folder holds `history/*.jsonl` (tests.faults.history), `databases/<service>/<table>.jsonl`, `topics/<topic>.jsonl` and
`evidence.json`; a checker needs nothing else. Rows are as PostgreSQL's `to_jsonb` gives them: instants as ISO text, bytea as
`\\x…`, xid8 and pg_snapshot as text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from deploy.services import STATE_TOPICS
from libs.bus.envelope import BEAT, Delivery, delivery
from libs.store.metadata import RUNTIME_TABLES
from tests.faults import history
from tests.faults.history import Histories, raw, text

Row = dict[str, Any]
Tables = dict[str, list[Row]]
CHANGES = "fault_audit.changes"
"""What the triggers of tests.faults.audit wrote down."""


@dataclass(frozen=True)
class Record:
    """One record of a topic, as any client reads it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None

    @cached_property
    def delivery(self) -> Delivery:
        """What a consumer of ours makes of it; its `type` is empty when it is no CloudEvent."""
        return delivery(self.topic, self.partition, self.offset, self.key, self.headers, self.value)

    @property
    def is_beat(self) -> bool:
        """Whether it is there only so that a state topic goes on."""
        return self.topic in STATE_TOPICS and self.key == str(BEAT).encode()

    def line(self) -> Row:
        return {
            "partition": self.partition, "offset": self.offset, "key": None if self.key is None else text(self.key),
            "headers": [[name, text(value)] for name, value in self.headers],
            "value": None if self.value is None else text(self.value),
        }  # fmt: skip

    @classmethod
    def of(cls, topic: str, line: Row) -> Self:
        headers = tuple((name, raw(value)) for name, value in line["headers"])
        key, value = (None if line[name] is None else raw(line[name]) for name in ("key", "value"))
        return cls(topic, line["partition"], line["offset"], key, headers, value)


@dataclass(frozen=True)
class Change:
    """A committed change of a row, as a trigger saw it. `n` is the order of changes of one row, and of one partition's batches."""

    n: int
    at: float
    now: str
    offset_seconds: float
    xid: str
    scope: str
    query: str
    table: str
    old: Row | None
    new: Row | None

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            row["n"], row["at"], row["now"], row["offset_seconds"], row["xid"], row["scope"] or "", row["query"],
            row["tbl"], row["old"], row["new"],
        )  # fmt: skip


@dataclass
class Database:
    """One service's database at one instant: `now` by `app_now()`, `wall` by the server's own clock."""

    service: str
    tables: Tables
    now: str = ""
    wall: str = ""

    def __getitem__(self, table: str) -> list[Row]:
        return self.tables.get(table, [])

    @property
    def own(self) -> Iterator[tuple[str, list[Row]]]:
        """The service's own tables."""
        aside = RUNTIME_TABLES | {CHANGES, "alembic_version"}
        return ((name, rows) for name, rows in self.tables.items() if name not in aside)

    def changes(self, table: str) -> list[Change]:
        """What happened to this table's rows, in order."""
        found = (Change.of(row) for row in self[CHANGES] if row["tbl"] == table)
        return sorted(found, key=lambda change: change.n)


@dataclass
class Evidence:
    """All of it. `ends` are the offsets after each partition's last record."""

    databases: dict[str, Database]
    topics: dict[str, list[Record]]
    ends: dict[str, dict[int, int]]
    history: Histories = field(default_factory=lambda: Histories([]))

    def records(self, *, suffix: str = "") -> Iterator[Record]:
        """Of every topic whose name ends so, partition by partition in order."""
        for topic, records in self.topics.items():
            if topic.endswith(suffix):
                yield from records

    def produced(self) -> dict[tuple[str, str | None], str]:
        """What the run itself put on topics, and why, by topic and event id."""
        return {(line["topic"], line["event_id"]): line["why"] for line in self.history.of_kind("produced")}

    def save(self, folder: Path) -> None:
        """Everything but the history, which its writers keep in the folder themselves."""
        folder.mkdir(parents=True, exist_ok=True)
        for service, database in self.databases.items():
            for table, rows in database.tables.items():
                _write(folder / "databases" / service / f"{table}.jsonl", rows)
        for topic, records in self.topics.items():
            _write(folder / "topics" / f"{topic}.jsonl", (record.line() for record in records))
        about = {"clocks": {name: [d.now, d.wall] for name, d in self.databases.items()}, "ends": self.ends}
        (folder / "evidence.json").write_text(json.dumps(about))

    @classmethod
    def load(cls, folder: Path) -> Self:
        about = json.loads((folder / "evidence.json").read_text())
        databases = {
            service: Database(
                service,
                {file.stem: _read(file) for file in sorted((folder / "databases" / service).iterdir())},
                *clocks,
            )
            for service, clocks in about["clocks"].items()
        }
        topics = {
            file.stem: [Record.of(file.stem, line) for line in _read(file)]
            for file in sorted((folder / "topics").glob("*.jsonl"))
        }
        ends = {topic: {int(p): end for p, end in places.items()} for topic, places in about["ends"].items()}
        return cls(databases, topics, ends, Histories.of(history.read(folder)))


def _write(file: Path, rows: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as out:
        out.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def _read(file: Path) -> list[Row]:
    with file.open() as lines:
        return [json.loads(line) for line in lines]


def data_of(row: Row) -> bytes | None:
    """The bytes of an outbox row or a dead letter."""
    found: str | None = row["data"]
    return None if found is None else bytes.fromhex(found[2:])


def owner_urls(env: Mapping[str, str]) -> dict[str, str]:
    """Of every service that this stack's environment names."""
    prefix, suffix = "POLYPLUS_", "_OWNER_URL"
    named = (name for name in env if name.startswith(prefix) and name.endswith(suffix))
    return {name.removeprefix(prefix).removesuffix(suffix).lower(): env[name] for name in named}


def ids_in(value: Any) -> Iterator[UUID]:
    """Every UUID that is a value somewhere in JSON, or a key of an object."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from ids_in(name)
            yield from ids_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from ids_in(each)
    elif isinstance(value, str) and len(value) == 36 and value[8] == "-":
        try:
            yield UUID(value)
        except ValueError:
            return

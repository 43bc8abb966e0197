"""The services there are, as deploy/services.toml says: the one list of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("services.toml")
FACTS = "events"


@dataclass(frozen=True)
class Entry:
    """One service; the file says what each field means."""

    name: str
    port: int
    roles: tuple[str, ...]
    resources: tuple[str, ...]
    publishes: tuple[str, ...]
    told: tuple[str, ...] = ()

    @property
    def state_topics(self) -> tuple[str, ...]:
        """Its compacted topics."""
        return tuple(f"{self.name}.{topic}" for topic in self.publishes if topic != FACTS)


def read(file: Path = FILE) -> dict[str, Entry]:
    """By name, in the order of the file. Raises TypeError for a field that is missing or not known."""
    found: dict[str, dict[str, Any]] = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: _entry(name, fields) for name, fields in found.items()}


def _entry(name: str, fields: dict[str, Any]) -> Entry:
    known: dict[str, Any] = {field: tuple(it) if isinstance(it, list) else it for field, it in fields.items()}
    return Entry(name=name, **known)


ENTRIES = read()
SERVICES = tuple(ENTRIES)
PUBLISHING = tuple(name for name, entry in ENTRIES.items() if FACTS in entry.publishes)
"""Those that have a topic of facts, and a worker that sends and hears."""
STATE_TOPICS = tuple(topic for entry in ENTRIES.values() for topic in entry.state_topics)

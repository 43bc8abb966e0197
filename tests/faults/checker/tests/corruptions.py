"""Evidence made false, one way at a time: each is what one invariant is there to find, and only that one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from types import ModuleType
from typing import Any

from tests.faults.evidence import CHANGES, Evidence, Record, Row

Corruption = Callable[[Evidence], None]
CORRUPTIONS: list[tuple[str, Corruption]] = []


def breaks(invariant: str) -> Callable[[Corruption], Corruption]:
    def register(corruption: Corruption) -> Corruption:
        CORRUPTIONS.append((invariant, corruption))
        return corruption

    return register


def breaking(module: ModuleType) -> list[tuple[str, Corruption]]:
    """Those of this module, each with the invariant that it breaks."""
    return [(name, made) for name, made in CORRUPTIONS if made.__module__ == module.__name__]


# --- what is edited ------------------------------------------------------------------------------------------------------


def rows_of(evidence: Evidence, service: str, table: str) -> list[Row]:
    return evidence.databases[service].tables[table]


def changes_of(evidence: Evidence, service: str, table: str) -> list[Row]:
    return sorted((row for row in rows_of(evidence, service, CHANGES) if row["tbl"] == table), key=lambda row: row["n"])


def later(evidence: Evidence, service: str, like: Row, **changed: Any) -> None:
    """Adds a change after all others."""
    n = max(row["n"] for row in rows_of(evidence, service, CHANGES)) + 1
    rows_of(evidence, service, CHANGES).append({**like, "n": n, **changed})


def last_versions(evidence: Evidence, topic: str) -> list[Record]:
    """The newest record of each aggregate, of those that have several and whose key is not parked."""
    parked = {row["key"] for row in rows_of(evidence, "rma", "parked_keys")}
    found: dict[object, list[Record]] = defaultdict(list)
    for record in evidence.topics[topic]:
        if record.delivery.type and str(record.delivery.key) not in parked:
            found[record.delivery.subject].append(record)
    return [records[-1] for records in found.values() if len(records) > 1]


def listed(evidence: Evidence) -> Row:
    """The customer's list of cases, as it was answered."""
    found = [e for e in evidence.history.exchanges if (e.request["method"], e.request["path"]) == ("GET", "/v1/cases")]
    assert found[0].response is not None
    return found[0].response

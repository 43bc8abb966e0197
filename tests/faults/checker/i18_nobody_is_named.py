"""I18: nothing but what can forget says who somebody is: a name, an e-mail address, a telephone number, a site's street.

Who they are is read from what is told as state. They stand with their owner, on state topics, in replicas and in kept answers; a row or
a record anywhere else that has one of these strings, byte for byte, is objected to. What the run's people typed is theirs: it names
nobody, or it would be found here too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from deploy.services import STATE_TOPICS
from libs.kit.service import Service
from libs.store import Entity
from tests.faults.checker.look import Look
from tests.faults.evidence import CHANGES, Database, Evidence, data_of
from tests.faults.witness import WITNESS

_PERSONAL = {"name", "display_name", "email", "phone", "address_lines", "join_url"}
_MAY_HOLD = {"states", "idempotency_keys", CHANGES}
_STANDING = {
    "gateway": {"clients"},  # what an administrator called a client
    "onsite": {"technicians"},  # who has no person yet
}
"""What still names our own people, until they are persons there too. Nothing comes to it."""
_SHORTEST = 6
"""Characters: a shorter name is a word of others as well."""


def examine(evidence: Evidence, look: Look) -> None:
    people = {text for database in evidence.databases.values() for text in _told(database)}
    look.count("names and addresses", len(people))
    for service, database in evidence.databases.items():
        for table in database.tables.keys() - _MAY_HOLD - _of_people(service):
            for row in database[table] if table not in _STANDING.get(service, ()) else ():
                look.count("rows looked through")
                said = json.dumps(row, ensure_ascii=False) + _decoded(row)
                for text in people:
                    look.expect(text not in said, "a row says who somebody is", service=service, table=table, text=text)
    for topic, records in evidence.topics.items():
        for record in records if topic not in STATE_TOPICS else ():
            look.count("records looked through")
            said = _text(record.value or b"")
            for text in people:
                look.expect(
                    text not in said, "a record says who somebody is", topic=topic, offset=record.offset, text=text
                )


def _told(database: Database) -> Iterator[str]:
    for row in database["states"]:
        yield from _strings(json.loads(data_of(row) or b"null"), personal=False)


def _strings(node: Any, *, personal: bool) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _strings(value, personal=personal or name in _PERSONAL)
    elif isinstance(node, list):
        for each in node:
            yield from _strings(each, personal=personal)
    elif personal and isinstance(node, str) and len(node) >= _SHORTEST:
        yield node


def _of_people(service: str) -> set[str]:
    """The tables of who tells people, and of who follows."""
    if service == WITNESS:
        return set()
    found = getattr(import_module(f"services.{service}.app"), "service", None)
    replicas = {kept.name for kept in found.replicas.kept.values()} if isinstance(found, Service) else set()
    return replicas | {
        cls.table.name for cls in _entities(Entity) if cls.tells and cls.__module__.startswith(f"services.{service}.")
    }


def _entities(cls: type[Entity]) -> Iterator[type[Entity]]:
    for each in cls.__subclasses__():
        yield each
        yield from _entities(each)


def _decoded(row: dict[str, Any]) -> str:
    """What its bytes say: they are hexadecimal in a dump."""
    texts = (value for value in row.values() if isinstance(value, str) and value.startswith("\\x"))
    return "".join(_text(bytes.fromhex(value[2:])) for value in texts)


def _text(data: bytes) -> str:
    """JSON may say a letter by its number."""
    text = data.decode(errors="replace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text

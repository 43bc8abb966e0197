"""I18: nothing but what can forget says who somebody is: a name, an e-mail address, a telephone number, a site's street.

Who they are is read from what is told as state. They stand with their owner, on state topics, in replicas and in kept answers; a row or
a record anywhere else that has one of these strings, byte for byte, is objected to. What the run's people typed is theirs: it names
nobody, or it would be found here too.

Of a contact who was erased no row of any table says a name or an address, and of a text that was taken out no row says a word: the
history knows both. They stand in raw records alone, of state topics until they are cleaned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from deploy.services import STATE_TOPICS
from libs.kit.service import Service
from libs.store import Entity
from tests.faults.checker.look import Look
from tests.faults.evidence import CHANGES, Database, Evidence, data_of
from tests.faults.history import raw
from tests.faults.load import SECRET
from tests.faults.witness import WITNESS

_PERSONAL = {"name", "display_name", "email", "phone", "address_lines", "join_url"}
_MAY_HOLD = {"states", "idempotency_keys", CHANGES}
_ERASE = re.compile(r"/v1/contacts/([0-9a-f-]{36})/erase")
_SECRET = re.compile(rf"{SECRET}[0-9a-f-]{{36}}")
_SHORTEST = 6
"""Characters: a shorter name is a word of others as well."""


def examine(evidence: Evidence, look: Look) -> None:
    _gone(evidence, look)
    people = {text for database in evidence.databases.values() for text in _told(database)}
    look.count("names and addresses", len(people))
    for service, database in evidence.databases.items():
        for table in database.tables.keys() - _MAY_HOLD - _of_people(service):
            for row in database[table]:
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


def _gone(evidence: Evidence, look: Look) -> None:
    """What was erased or taken out, in every table."""
    forgotten = _erased(evidence)
    secrets = _taken_out(evidence)
    look.count("names and addresses of erased", len(forgotten))
    look.count("texts taken out", len(secrets))
    for service, database in evidence.databases.items():
        for table in database.tables.keys() - {CHANGES}:
            for row in database[table]:
                said = json.dumps(row, ensure_ascii=False) + _decoded(row)
                for text in forgotten:
                    look.expect(text not in said, "a row names who was erased", service=service, table=table, text=text)
                for text in secrets:
                    look.expect(
                        text not in said, "a row says what was taken out", service=service, table=table, text=text
                    )


def _erased(evidence: Evidence) -> set[str]:
    """Names and addresses of the contacts whose erasing was answered with 2xx."""
    made, erased = dict[str, set[str]](), set[str]()
    for exchange in evidence.history.exchanges:
        request = exchange.request
        if exchange.succeeded and exchange.response and request["path"] == "/v1/contacts":
            body = json.loads(raw(request["body"]))
            made[json.loads(raw(exchange.response["body"]))["id"]] = {body["name"], body["email"]}
        elif exchange.succeeded and (found := _ERASE.fullmatch(request["path"])):
            erased.add(found[1])
    return {text for id in erased for text in made.get(id, ())}


def _taken_out(evidence: Evidence) -> set[str]:
    """The words in the records that a TextRedacted names, of the kinds that the run's people take out."""
    texts = dict[str, set[str]]()
    wanted = set[str]()
    for records in evidence.topics.values():
        for record in records:
            if not record.topic.endswith(".events"):
                continue
            data = _fields(record.value)
            words = set(_SECRET.findall(json.dumps(data)))
            for id in (str(record.delivery.event_id), str(data.get("note_id"))):
                texts.setdefault(id, set()).update(words)
            if "redacted_at" in data:
                wanted.add(str(data["id"]))
    return {text for id in wanted for text in texts.get(id, ())}


def _fields(value: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(value or b"null")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


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

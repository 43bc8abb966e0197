"""Where anything of a person may be held: every table of every service, the topics, and what is personal beside an id."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from deploy.cli.places import chosen, connected, needed
from deploy.local.errors import CannotRun

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

PERSONAL = frozenset({
    "access_notes", "address_lines", "author_name", "consent_given_by", "contact_email", "contact_name", "contact_phone",
    "display_name", "email", "email_key", "invitee", "join_url", "name", "phone", "postal_code", "received_by", "recipient",
    "reporter_name", "signed_by", "signed_off_by", "signer", "sort_key", "street", "verified_by", "words",
})  # fmt: skip
"""What is called so beside an id says who that is, or where."""
OWNERS = ("entitlements.contacts", "gateway.people")
"""Who is whose: a row of the person's own, which says when they were erased."""
STANDS_FOR = {"onsite.technicians": "person_id", "gateway.clients": "person_id", "escalation.experts": "person_id"}
"""Rows under whose own ids others speak of the person whom this column names."""
SAME = ("body", "contact", "data", "payload")
"""What stands under these is said of the row itself."""
_TABLES = """
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
   AND has_table_privilege(c.oid, 'SELECT')
 ORDER BY c.relname
"""
_ROWS = """
SELECT s.said, to_jsonb(t)::text AS row FROM "{table}" t, LATERAL (SELECT t::text AS said) s
 WHERE EXISTS (SELECT FROM unnest($1::text[]) AS wanted WHERE position(wanted IN s.said) > 0)
"""


class Looker(Protocol):
    """What is looked for, and who takes what was found."""

    tables: int
    unreachable: list[str]

    def row(self, place: str, said: str, row: Mapping[str, Any], /) -> None:
        """A row that holds one of the texts, as text and as fields."""

    def record(self, place: str, key: str, body: bytes, /) -> None:
        """Any record of a topic."""


async def look_through(known: Mapping[str, str], texts: Iterable[str], looker: Looker, *, facts: bool = False) -> None:
    """Every row of every service that holds one of the texts, and every record of the state topics, with `facts` of all topics.
    What is out of reach is said to the looker."""
    wanted = sorted({form for text in texts for form in as_a_row(text)})
    for service in chosen(known, None):
        try:
            await _tables(service, known, wanted, looker)
        except CannotRun as away:
            looker.unreachable.append(str(away))
    try:
        await asyncio.to_thread(_topics, known, looker, facts)
    except CannotRun as away:
        looker.unreachable.append(str(away))


def named_as(said: Mapping[str, Any], id: str) -> list[str]:
    """The fields by which an object, or what it says of the same, names this id: alone, or as who did it."""
    return sorted(
        {name for name, value in said_of(said) if isinstance(value, str) and (value == id or value.endswith(f":{id}"))}
    )


def beside(said: Mapping[str, Any], id: str) -> list[str]:
    """What is personal in an object that names this id, or in what it says of the same."""
    if not named_as(said, id):
        return []
    return sorted({name for name, value in said_of(said) if name in PERSONAL and value})


def said_of(said: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The fields of an object, and those of what it says of the same."""
    parts = [said, *(inner for part in SAME if isinstance(inner := said.get(part), dict))]
    return [(name, value) for part in parts for name, value in part.items()]


def objects(content: Any) -> Iterator[Mapping[str, Any]]:
    """All that stand within, and it itself."""
    if isinstance(content, dict):
        yield content
    for each in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from objects(each)


def opened(row: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Which row it is, and its fields: of bytes what they say, where they say something."""
    known = {name: _opened(value) for name, value in row.items()}
    return str(next((known[name] for name in ("id", "key", "aggregate_id", "case_id") if known.get(name)), "-")), known


def _opened(value: Any) -> Any:
    return read(bytes.fromhex(value[2:])) if isinstance(value, str) and value.startswith("\\x") else value


def read(body: bytes) -> Any:
    """JSON, or a text."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def as_bytes(text: str) -> set[bytes]:
    """As it may stand in bytes."""
    return {each.encode() for each in {*_in_json(text), json.dumps(text)[1:-1]}}


def as_a_row(text: str) -> set[str]:
    """As a row's text has it: quotes and backslashes doubled, bytes in hexadecimal digits."""
    doubled = {each.replace("\\", "\\\\").replace('"', '""') for each in _in_json(text)}
    return doubled | {each.hex() for each in as_bytes(text)}


def _in_json(text: str) -> set[str]:
    return {text, json.dumps(text, ensure_ascii=False)[1:-1]}


async def _tables(service: str, known: Mapping[str, str], wanted: Sequence[str], looker: Looker) -> None:
    async with connected(known, service) as database:
        await database.execute("SET polyplus.scope = 'worker'; SET default_transaction_read_only = on")
        for (table,) in await database.fetch(_TABLES):
            looker.tables += 1
            async with database.transaction():
                async for found in database.cursor(_ROWS.format(table=table), wanted):
                    looker.row(f"{service}.{table}", found["said"], json.loads(found["row"]))


def _topics(known: Mapping[str, str], looker: Looker, facts: bool) -> None:
    from deploy.services import STATE_TOPICS
    from deploy.topics import PUBLISHERS

    names = [name for name in (f"POLYPLUS_{each.upper()}_KAFKA_" for each in PUBLISHERS) if f"{name}USER" in known]
    # any service reads states and facts, nobody else reads states
    prefix = next(iter(names), "POLYPLUS_ENTITLEMENTS_KAFKA_")
    bootstrap, *login = needed(known, "POLYPLUS_KAFKA_BOOTSTRAP", f"{prefix}USER", f"{prefix}PASSWORD")
    _records(STATE_TOPICS, bootstrap, login, looker.record)
    if facts:
        _records([f"{each}.events" for each in PUBLISHERS], bootstrap, login, looker.record)
        ops = needed(known, "POLYPLUS_KAFKA_OPS_USER", "POLYPLUS_KAFKA_OPS_PASSWORD")
        _records([f"{each}.dlq" for each in PUBLISHERS], bootstrap, ops, looker.record)


def _records(
    topics: Iterable[str], bootstrap: str, login: Sequence[str], found: Callable[[str, str, bytes], None]
) -> None:
    """Everything that can be read of them, also what no transaction has ended."""
    from confluent_kafka import Consumer, KafkaException

    user, password = login
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap, "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user, "sasl.password": password, "log_level": 2, "group.id": f"{user}-erased",
            "enable.auto.commit": False, "isolation.level": "read_uncommitted", "enable.partition.eof": True,
        }
    )  # fmt: skip
    try:
        for topic in topics:
            for message in _messages(consumer, topic):
                key = (message.key() or b"").decode("utf-8", "replace")
                found(f"{topic}/{message.partition()} offset {message.offset()}", key, message.value() or b"")
    except KafkaException as error:
        raise CannotRun(f"Kafka at {bootstrap} does not answer: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _messages(consumer: Consumer, topic: str) -> Iterator[Message]:
    """From the first to the last. Raises CannotRun, KafkaException."""
    from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

    there = consumer.list_topics(topic, timeout=10).topics[topic]
    if there.error:
        raise CannotRun(f"Kafka does not show {topic}: {there.error.str()}")
    left = set(there.partitions)
    consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in left])
    while left:
        message = consumer.poll(10)
        if message is None:
            raise CannotRun(f"Kafka says nothing of {topic} any more")
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:
            left -= {message.partition()}
        else:
            raise KafkaException(error)

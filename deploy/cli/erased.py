"""`polyplus erased`: the proof that nothing of a person is kept but the id."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deploy.cli.arguments import WrongUsage, operators_command
from deploy.cli.output import complain, print_json, print_table
from deploy.local.errors import CannotRun

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

    from deploy.cli.arguments import Commands

_TEACH = """
Looks through every table of every service that the environment names, and through the state topics, for rows and records that hold the
id together with something personal: a name, an address, a telephone number, as a column or in JSON beside the id. The id alone may stay:
facts say it for ever. Run it when the services have heard of the erasure (a few seconds), and again once the log has let go (80 minutes
at most): until then a record that was replaced can still be read from its topic.

With --look-for every text, every JSON and every body of every database and of all topics, those of facts too, is searched for each line
of a file, byte for byte: names and addresses as they were written. Hits are told by place and by the line's number, never by the text.
It reads everything, so give it time; nothing is changed.

examples:
  polyplus erased 0192d000-0000-7000-8000-0000000000c1
  polyplus erased 0192d000-0000-7000-8000-0000000000c1 --look-for known.txt --json | jq .hits
"""
PERSONAL = frozenset({
    "access_notes", "address_lines", "author_name", "consent_given_by", "contact_email", "contact_name", "contact_phone",
    "display_name", "email", "invitee", "join_url", "name", "phone", "postal_code", "received_by", "recipient", "reporter_name",
    "signed_by", "signed_off_by", "signer", "sort_key", "street", "verified_by", "words",
})  # fmt: skip
"""What is called so beside an id says who that is, or where."""
_SAME = ("body", "contact", "data", "payload")
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


@dataclass(frozen=True)
class Hit:
    """Something that should not be there. `what` names fields, or the line of the file."""

    place: str
    row: str
    what: str


@dataclass
class Search:
    """For an id beside what is personal, and for texts, by the number of their line."""

    id: str | None
    texts: Mapping[int, str]
    hits: list[Hit] = field(default_factory=list)
    tables: int = 0
    records: int = 0
    unreachable: list[str] = field(default_factory=list)

    def row(self, place: str, said: str, row: Mapping[str, Any]) -> None:
        """A row as text and as fields."""
        known = {name: _opened(value) for name, value in row.items()}
        which = str(next((known[name] for name in ("id", "key", "aggregate_id", "case_id") if known.get(name)), "-"))
        self._note(
            place, which, known, (n for n, text in self.texts.items() if any(v in said for v in _as_a_row(text)))
        )

    def record(self, place: str, key: str, body: bytes) -> None:
        """A record of a topic."""
        self.records += 1
        content = {"key": key, "data": _read(body)}
        found = (n for n, text in self.texts.items() if any(v in body for v in _as_bytes(text)))
        self._note(place, key or "-", content, found)

    def _note(self, place: str, which: str, content: Mapping[str, Any], lines: Iterable[int]) -> None:
        fields = sorted({name for each in _objects(content) for name in beside(each, self.id)}) if self.id else []
        said = ([", ".join(fields)] if fields else []) + [f"line {n}" for n in lines]
        self.hits += [Hit(place, which, what) for what in said]


def beside(said: Mapping[str, Any], id: str) -> list[str]:
    """What is personal in an object that names this id, or in what it says of the same."""
    parts = [said, *(inner for part in _SAME if isinstance(inner := said.get(part), dict))]
    values = [(name, value) for part in parts for name, value in part.items()]
    if not any(isinstance(value, str) and (value == id or value.endswith(f":{id}")) for _, value in values):
        return []
    return sorted({name for name, value in values if name in PERSONAL and value})


def _objects(content: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(content, dict):
        yield content
    for each in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _objects(each)


def _opened(value: Any) -> Any:
    """What bytes say, where they say something."""
    return _read(bytes.fromhex(value[2:])) if isinstance(value, str) and value.startswith("\\x") else value


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _in_json(text: str) -> set[str]:
    return {text, json.dumps(text, ensure_ascii=False)[1:-1]}


def _as_bytes(text: str) -> set[bytes]:
    return {each.encode() for each in {*_in_json(text), json.dumps(text)[1:-1]}}


def _as_a_row(text: str) -> set[str]:
    """As a row's text has it: quotes and backslashes doubled, bytes in hexadecimal digits."""
    doubled = {each.replace("\\", "\\\\").replace('"', '""') for each in _in_json(text)}
    return doubled | {each.hex() for each in _as_bytes(text)}


def add_commands(commands: Commands) -> None:
    erased = operators_command(commands, "erased", "whether anything of a person is kept but the id", _TEACH)
    erased.add_argument("id", nargs="?", help="of a contact or a person")
    erased.add_argument("--look-for", type=Path, metavar="FILE", help="texts to be found nowhere, one a line")
    erased.set_defaults(run=lambda arguments: asyncio.run(_erased(arguments)))


async def _erased(arguments: argparse.Namespace) -> int:
    from deploy.cli.places import chosen, known_environment

    search = _wanted(arguments)
    known = known_environment(arguments.home)
    for service in chosen(known, None):
        try:
            await _look_into(service, known, search)
        except CannotRun as away:
            search.unreachable.append(str(away))
    try:
        await asyncio.to_thread(_look_through_topics, known, search)
    except CannotRun as away:
        search.unreachable.append(str(away))
    _tell(search, as_json=arguments.json)
    for trouble in search.unreachable:
        complain(trouble)
    return 2 if search.unreachable else int(bool(search.hits))


def _wanted(arguments: argparse.Namespace) -> Search:
    """Raises WrongUsage."""
    if arguments.id is None and arguments.look_for is None:
        raise WrongUsage("say which id, or what to --look-for; see polyplus erased --help")
    try:
        id = str(UUID(arguments.id)) if arguments.id else None
        lines = arguments.look_for.read_text("utf-8").splitlines() if arguments.look_for else []
    except ValueError:
        raise WrongUsage(f"{arguments.id!r} is no id") from None
    except OSError as error:
        raise WrongUsage(f"{arguments.look_for}: {error.strerror}") from None
    return Search(id, {n: text for n, line in enumerate(lines, 1) if (text := line.strip())})


async def _look_into(service: str, known: Mapping[str, str], search: Search) -> None:
    from deploy.cli.places import connected

    sought = [*search.texts.values(), *([search.id] if search.id else [])]
    wanted = sorted({form for text in sought for form in _as_a_row(text)})
    async with connected(known, service) as database:
        await database.execute("SET polyplus.scope = 'worker'; SET default_transaction_read_only = on")
        for (table,) in await database.fetch(_TABLES):
            search.tables += 1
            async with database.transaction():
                async for found in database.cursor(_ROWS.format(table=table), wanted):
                    search.row(f"{service}.{table}", found["said"], json.loads(found["row"]))


def _look_through_topics(known: Mapping[str, str], search: Search) -> None:
    from deploy.cli.places import needed
    from deploy.services import STATE_TOPICS
    from deploy.topics import PUBLISHERS

    names = [name for name in (f"POLYPLUS_{each.upper()}_KAFKA_" for each in PUBLISHERS) if f"{name}USER" in known]
    prefix = next(
        iter(names), "POLYPLUS_ENTITLEMENTS_KAFKA_"
    )  # any service reads states and facts, nobody else reads states
    bootstrap, *login = needed(known, "POLYPLUS_KAFKA_BOOTSTRAP", f"{prefix}USER", f"{prefix}PASSWORD")
    _look_through(STATE_TOPICS, bootstrap, login, search)
    if search.texts:
        _look_through([f"{each}.events" for each in PUBLISHERS], bootstrap, login, search)
        ops = needed(known, "POLYPLUS_KAFKA_OPS_USER", "POLYPLUS_KAFKA_OPS_PASSWORD")
        _look_through([f"{each}.dlq" for each in PUBLISHERS], bootstrap, ops, search)


def _look_through(topics: Iterable[str], bootstrap: str, login: Sequence[str], search: Search) -> None:
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
                place = f"{topic}/{message.partition()} offset {message.offset()}"
                search.record(place, key, message.value() or b"")
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


def _tell(search: Search, *, as_json: bool) -> None:
    if as_json:
        hits = [asdict(hit) for hit in search.hits]
        print_json({"id": search.id, "tables": search.tables, "records": search.records, "hits": hits})
        return
    if search.hits:
        rows = [(hit.place, hit.row, hit.what) for hit in search.hits]
        print_table(("place", "row", "what"), rows, marked=range(len(rows)))
    else:
        print(f"nothing found in {search.tables} tables and {search.records} records")

"""`polyplus dlq list | show | replay | discard | accept`: the events that a service could not handle, and what waits behind them."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deploy.cli.arguments import WrongUsage, operators_command
from deploy.cli.output import brief, complain, one_line, print_json, print_table
from deploy.local.errors import CannotRun

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands
    from libs.bus import Handlers
    from libs.bus.replay import Drained
    from libs.store import Database

Letter = dict[str, Any]
_LETTERS = """
SELECT d.topic, d.key, d.type, d.event_id, d.partition, d.record_offset, d.at, d.error,
       (SELECT count(*) FROM dead_letters w
         WHERE (w.consumer, w.topic, w.key, w.status) = (d.consumer, d.topic, d.key, 'waiting')) AS waiting
  FROM dead_letters d
 WHERE d.status = 'dead' AND ($1::uuid IS NULL OR d.key = $1) AND ($2::text IS NULL OR d.topic = $2)
 ORDER BY d.at, d.id
"""
_LINE = """
SELECT topic, key, status, type, event_id, partition, record_offset, at, error, headers::text, data
  FROM dead_letters WHERE key = $1 AND ($2::text IS NULL OR topic = $2) AND status IN ('dead', 'waiting')
 ORDER BY topic, id
"""


_LIST = """
A dead letter is an event that a service's handler refused for good. Its key is parked: what comes later for that key waits behind it,
everything else goes on. `list` shows one line for each, oldest first; exit code 1 when there is one, 2 when a database does not answer.

examples:
  polyplus dlq list
  polyplus dlq list --service rma --json | jq -r '.[].key'
"""
_SHOW = """
The dead letter of one key and what waits behind it, in order, each with its envelope and its data: what to look at before deciding.

example:
  polyplus dlq show 0192d000-0000-7000-8000-0000000000a1
"""
_REPLAY = """
For after the cause is mended: each key's line is handled in order, in one transaction, and the key flows again. A key whose event is
still refused stays as it was, and the exit code is 1.

examples:
  polyplus dlq replay 0192d000-0000-7000-8000-0000000000a1
  polyplus dlq replay --all --service rma
"""
_DISCARD = """
The dead letter itself is given up for good (it stays on record), and what waited behind it is handled. Should one of those be refused
too, it is the next dead letter, and the exit code is 1. A discard that broke off may be given again: nothing untried is given up.

example:
  polyplus dlq discard 0192d000-0000-7000-8000-0000000000a1
"""
_ACCEPT = """
For an event that was parked since its aggregate had passed its version (`why` begins with OutOfOrder), once you have looked at it and
know why it came so late: it is handled as it is, then what waited behind it. Should one of those be refused, it is the next dead
letter, and the exit code is 1. What a handler has refused is not accepted: that is for replay or discard.

example:
  polyplus dlq show 0192d000-0000-7000-8000-0000000000a1
  polyplus dlq accept 0192d000-0000-7000-8000-0000000000a1 --service activity
"""


def add_commands(commands: Commands) -> None:
    dlq = commands.add_parser("dlq", help="dead letters: the events that a service could not handle").add_subparsers(
        required=True, metavar="what"
    )
    listing = operators_command(dlq, "list", "the dead letters of every service", _LIST)
    show = operators_command(dlq, "show", "the events of one key that wait, with their data", _SHOW)
    replay = operators_command(dlq, "replay", "handle what waits for these keys, and let them flow again", _REPLAY)
    discard = operators_command(
        dlq, "discard", "give up one key's dead letter and handle what waited behind it", _DISCARD
    )
    accept = operators_command(dlq, "accept", "handle one key's dead letter though its version had passed", _ACCEPT)
    for parser, run in (
        (listing, _list), (show, _show), (replay, _replay), (discard, _discard), (accept, _accept),
    ):  # fmt: skip
        parser.set_defaults(run=lambda arguments, run=run: asyncio.run(run(arguments)))
        parser.add_argument("--service", help="only this one's dead letters")
        parser.add_argument("--topic", help="only events from this topic")
    for parser in (show, discard, accept):
        parser.add_argument("key", type=_id)
    replay.add_argument("key", type=_id, nargs="*")
    replay.add_argument("--all", action="store_true", help="every key with a dead letter")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no key; `polyplus dlq list` shows them") from None


async def _list(arguments: argparse.Namespace) -> int:
    found = await _letters(arguments, None)
    if arguments.json:
        print_json(found.letters)
    elif not found.letters and not found.away:
        print("no dead letters", file=sys.stderr)
    elif found.letters:
        rows = [
            (
                d["service"],
                d["topic"],
                d["key"],
                d["type"],
                d["waiting"],
                f"{d['at']:%Y-%m-%d %H:%M:%S}",
                brief(d["error"] or "not tried yet: a discard broke off"),
            )
            for d in found.letters
        ]
        print_table(("service", "topic", "key", "type", "waiting behind", "dead since (UTC)", "why"), rows)
    return 2 if found.away else int(bool(found.letters))


async def _show(arguments: argparse.Namespace) -> int:
    found = await _rows(arguments, _LINE, arguments.key, arguments.topic)
    if not found.letters:
        raise _nothing(arguments.key, found)
    for event in found.letters:
        event["headers"] = json.loads(event["headers"])
        event["data"] = _readable(event["data"])
    if arguments.json:
        print_json(found.letters)
        return 2 if found.away else 0
    for event in found.letters:
        print(f"{event['status']}: {event['type']}, event {event['event_id']}")
        print(f"    heard by {event['service']} from {event['topic']}/{event['partition']} at {event['record_offset']}")
        if event["error"]:
            print(f"    {one_line(event['error'])}")
        print(json.dumps({"headers": event["headers"], "data": event["data"]}, indent=2, ensure_ascii=False))
    return 2 if found.away else 0


async def _replay(arguments: argparse.Namespace) -> int:
    from libs.bus.replay import NothingParked, replay

    if bool(arguments.key) == arguments.all:
        raise WrongUsage("name the keys to replay, or --all")
    known = _environment(arguments)
    lines = [await _named(arguments, key) for key in arguments.key or [None]]
    done, failed = [], 0
    for letter in (letter for line in lines for letter in line.letters):
        async with _open(known, letter["service"]) as (database, handlers):
            try:
                letter["handled"] = await replay(database, handlers, letter["topic"], letter["key"])
            except NothingParked:
                letter["handled"] = 0  # somebody else was faster
            except Exception as error:  # whatever a handler raises: the others are tried all the same
                failed += 1
                letter["failed"] = one_line(error)
                complain(f"{letter['service']} still cannot handle {letter['key']}: {brief(letter['failed'])}")
        done.append(letter)
    _report(arguments, done)
    return 2 if any(line.away for line in lines) else int(bool(failed))


async def _discard(arguments: argparse.Namespace) -> int:
    from libs.bus.replay import discard

    return await _settle(arguments, discard, "discarded")


async def _accept(arguments: argparse.Namespace) -> int:
    from libs.bus.replay import accept

    return await _settle(arguments, accept, "accepted")


async def _settle(arguments: argparse.Namespace, act: Callable[..., Awaitable[Drained]], done: str) -> int:
    """Does it to the dead letter of one key, and says which event that was."""
    known = _environment(arguments)
    found = await _named(arguments, arguments.key)
    letters = found.letters
    if found.away:  # it may wait there too, and what is settled does not come back
        raise WrongUsage(f"{arguments.key} may wait in several places; say which with --service")
    if len(letters) > 1:
        places = ", ".join(f"--service {letter['service']} --topic {letter['topic']}" for letter in letters)
        raise WrongUsage(f"{arguments.key} waits in several places; say which: {places}")
    (letter,) = letters
    async with _open(known, letter["service"]) as (database, handlers):
        try:
            drained = await act(database, handlers, letter["topic"], letter["key"])
        except Exception as error:
            raise CannotRun(f"{letter['service']}: {one_line(error)}") from error
    letter["handled"] = drained.handled
    if drained.settled is not None:  # else it had been before, and what moved up was tried
        letter[done] = drained.settled
    _report(arguments, [letter])
    left = (await _letters(arguments, arguments.key)).letters
    again = [each for each in left if each["topic"] == letter["topic"]]
    for dead in again:
        complain(f"{dead['type']}, which waited behind it, is the dead letter now: {brief(dead['error'])}")
    return 1 if again else 0


def _report(arguments: argparse.Namespace, done: Iterable[Letter]) -> None:
    if arguments.json:
        print_json(done)
        return
    for letter in done:
        if "handled" in letter:
            said = "gave up" if "discarded" in letter else "accepted" if "accepted" in letter else ""
            settled = f"{said} {letter['type']}, " if said else ""
            print(f"{letter['service']}  {letter['topic']}  {letter['key']}: {settled}handled {letter['handled']}")


# --- where the letters are ---------------------------------------------------------------------------------------------


def _environment(arguments: argparse.Namespace) -> Mapping[str, str]:
    from deploy.cli.places import known_environment

    return known_environment(arguments.home)


@dataclass
class _Found:
    """What waits where it could be looked, and whether some service's database was away; the exit code is 2 then, as `lag`'s."""

    letters: list[Letter] = field(default_factory=list)
    away: bool = False


async def _rows(arguments: argparse.Namespace, sql: str, *args: object) -> _Found:
    from deploy.cli.places import chosen, connected

    known, found = _environment(arguments), _Found()
    for service in chosen(known, arguments.service):
        try:
            async with connected(known, service) as database:
                found.letters += [{"service": service, **row} for row in await database.fetch(sql, *args)]
        except CannotRun as away:
            complain(str(away))
            found.away = True
    return found


async def _letters(arguments: argparse.Namespace, key: UUID | None) -> _Found:
    return await _rows(arguments, _LETTERS, key, arguments.topic)


async def _named(arguments: argparse.Namespace, key: UUID | None) -> _Found:
    found = await _letters(arguments, key)
    if not found.letters and key:
        raise _nothing(key, found)
    return found


def _nothing(key: UUID, looked: _Found) -> CannotRun:
    where = "where it could be looked" if looked.away else "here"
    return CannotRun(f"no dead letter of {key} {where}; `polyplus dlq list` shows what there is")


@asynccontextmanager
async def _open(known: Mapping[str, str], service: str) -> AsyncIterator[tuple[Database, Handlers]]:
    """The service's own handlers over its database, as its worker has them."""
    from deploy.cli.places import url_of, wired
    from libs.store import Database

    handlers = wired(known, service).handlers
    database = await Database.connect(known[url_of(service)], size=2)
    try:
        yield database, handlers
    finally:
        await database.close()


def _readable(data: bytes | None) -> object:
    """JSON where it is JSON: what is poison may be anything."""
    if data is None:
        return None
    try:
        return json.loads(data)
    except ValueError:
        return data.decode(errors="replace")

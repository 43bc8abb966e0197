"""`polyplus person`: what is held about somebody, for who answers a request to see it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deploy.cli.arguments import WrongUsage, operators_command
from deploy.cli.holding import (
    OWNERS,
    PERSONAL,
    SAME,
    STANDS_FOR,
    beside,
    look_through,
    named_as,
    objects,
    opened,
    read,
    said_of,
)
from deploy.cli.output import complain, print_json, print_table

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

_TEACH = """
Looks through every table of every service that the environment names, and through the state topics, as `polyplus erased` does, and gives
each object that names the id: where it stands, by which fields it names them, ids, dates, what is personal, and what else it says of them
or of what they did. Of a technician or a client that is this person, what speaks of them under its own id is there too, without what is
personal beside it. Of who was erased it gives ids and dates, and of all else the names of the fields alone.

Secrets are left out, and what stands in an object about somebody else. Read it before you hand it on: a text that they typed may name
others. Files that they attached are named by their SHA-256; their bytes are in the store of objects.

examples:
  polyplus person 0192d000-0000-7000-8000-0000000000c1
  polyplus person 0192d000-0000-7000-8000-0000000000c1 --export an.json
  polyplus person 0192d000-0000-7000-8000-0000000000c1 --export | jq '.held[] | {place, personal}'
"""
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID = re.compile(rf"([a-z_]+:)?{_UUID}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_SECRET = re.compile(r"secret|hash|token|credential|password")


@dataclass(frozen=True)
class Held:
    """One object that names the person. `within` is the path in its row or record, empty for the whole."""

    place: str
    row: str
    within: str | None
    named_as: list[str]
    ids: dict[str, Any]
    dates: dict[str, Any]
    personal: dict[str, Any] | list[str]
    said: dict[str, Any] | list[str]

    def without_words(self) -> Held:
        """As it is of somebody erased: of what is no id and no date, the fields' names."""
        return replace(self, personal=sorted(self.personal), said=sorted(self.said))


@dataclass
class Holding:
    """What is held under an id: the person's own, or of a row that stands for them."""

    id: str
    own: bool = True
    held: list[Held] = field(default_factory=list)
    stands_for: set[str] = field(default_factory=set)
    erased_at: str | None = None
    tables: int = 0
    unreachable: list[str] = field(default_factory=list)

    def row(self, place: str, _said: str, row: Mapping[str, Any]) -> None:
        """A row that holds the id."""
        which, known = opened(row)
        if place in OWNERS and known.get("id") == self.id:
            self.erased_at = known.get("erased_at") or self.erased_at
        if place in STANDS_FOR and known.get(STANDS_FOR[place]) == self.id:
            self.stands_for.add(which)
        if self.own or which != self.id:
            self._take(place, which, known)

    def record(self, place: str, key: str, body: bytes) -> None:
        """A record of a topic."""
        self._take(place, key or "-", {"key": key, "data": read(body)})

    def _take(self, place: str, which: str, content: Mapping[str, Any]) -> None:
        taken = set[int]()
        for each in objects(content):
            if id(each) not in taken and (names := named_as(each, self.id) or _listed(each, self.id)):
                taken |= {id(each[part]) for part in SAME if isinstance(each.get(part), dict)}
                self.held.append(self._held(place, which, _path(content, each), names, each))

    def _held(self, place: str, which: str, within: str | None, names: list[str], each: Mapping[str, Any]) -> Held:
        fields = {name: value for name, value in said_of(each) if value not in (None, "", [], {})}
        fields = {name: value for name, value in fields.items() if not _SECRET.search(name)}
        theirs = {name: fields[name] for name in beside(each, self.id) if name in fields}
        ids = {name: value for name, value in fields.items() if _all(value, _ID)}
        dates = {name: value for name, value in fields.items() if _all(value, _DATE)}
        rest = {name: value for name, value in fields.items() if name not in {*theirs, *ids, *dates}}
        said = {name: value for name, value in rest.items() if not _is_told_apart(name, value)}
        if not self.own:
            theirs, said = {}, {}
        return Held(place, which, within, names, ids, dates, theirs, said)


def _listed(said: Mapping[str, Any], id: str) -> list[str]:
    """The fields that name this id among others."""
    return sorted({name for name, value in said_of(said) if isinstance(value, list) and id in value})


def _all(value: Any, form: re.Pattern[str]) -> bool:
    each = value if isinstance(value, list) else [value]
    return all(isinstance(one, str) and form.fullmatch(one) for one in each)


def _is_told_apart(name: str, value: Any) -> bool:
    """What stands inside and names anybody: it is told on its own where it names the person, and nowhere else."""
    inner = objects(value)
    named = any(_all(each, _ID) or field in PERSONAL for one in inner for field, each in one.items() if each)
    return named or (name in SAME and isinstance(value, dict))


def _path(content: Any, sought: Mapping[str, Any], at: str = "") -> str | None:
    if content is sought:
        return at
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    paths = (_path(each, sought, f"{at}.{name}" if at else str(name)) for name, each in inner)
    return next((path for path in paths if path is not None), None)


def add_commands(commands: Commands) -> None:
    person = operators_command(commands, "person", "what is held about a contact or one of our people", _TEACH)
    person.add_argument("id", help="of a contact or a person")
    person.add_argument(
        "--export", nargs="?", const="-", metavar="FILE", help="all of it as JSON, to a file that only you can read"
    )
    person.set_defaults(run=lambda arguments: asyncio.run(_person(arguments)))


async def _person(arguments: argparse.Namespace) -> int:
    from deploy.cli.places import known_environment

    holding = Holding(_id(arguments.id))
    known = known_environment(arguments.home)
    await look_through(known, [holding.id], holding)
    held = holding.held
    for other in sorted(holding.stands_for):
        standing = Holding(other, own=False)
        await look_through(known, [other], standing)
        held += standing.held
        holding.unreachable += standing.unreachable
    if holding.erased_at:
        holding.held = [each.without_words() for each in held]
    _tell(holding, arguments)
    for trouble in holding.unreachable:
        complain(trouble)
    return 2 if holding.unreachable else 0


def _id(typed: str) -> str:
    """Raises WrongUsage."""
    try:
        return str(UUID(typed))
    except ValueError:
        raise WrongUsage(f"{typed!r} is no id") from None


def _tell(holding: Holding, arguments: argparse.Namespace) -> None:
    """Raises WrongUsage for a file that cannot be written."""
    whole = {key: value for key, value in asdict(holding).items() if key != "own"}
    whole["stands_for"] = sorted(holding.stands_for)
    if arguments.export not in (None, "-"):
        _write(arguments.export, json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
    if arguments.json or arguments.export == "-":
        print_json(whole)
    elif holding.held:
        places = groupby(
            sorted(holding.held, key=lambda each: each.place.partition("/")[0]),
            lambda each: each.place.partition("/")[0],
        )
        print_table(("place", "objects", "named as", "personal"), [_line(place, [*held]) for place, held in places])
    else:
        print(f"nothing is held of it in {holding.tables} tables and the state topics")


def _line(place: str, held: Iterable[Held]) -> tuple[str, int, str, str]:
    names = sorted({name for each in held for name in each.named_as})
    personal = sorted({name for each in held for name in each.personal})
    return place, len([*held]), ", ".join(names), ", ".join(personal) or "–"


def _write(file: str, text: str) -> None:
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as there:
            there.write(text)
    except OSError as error:
        raise WrongUsage(f"{file}: {error.strerror}") from None

"""`polyplus erased`: the proof that nothing of a person is kept but the id."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deploy.cli.arguments import WrongUsage, operators_command
from deploy.cli.holding import as_a_row, as_bytes, beside, look_through, objects, opened, read
from deploy.cli.output import complain, print_json, print_table

if TYPE_CHECKING:
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
        which, known = opened(row)
        found = (n for n, text in self.texts.items() if any(v in said for v in as_a_row(text)))
        self._note(place, which, known, found)

    def record(self, place: str, key: str, body: bytes) -> None:
        """A record of a topic."""
        self.records += 1
        content = {"key": key, "data": read(body)}
        found = (n for n, text in self.texts.items() if any(v in body for v in as_bytes(text)))
        self._note(place, key or "-", content, found)

    def _note(self, place: str, which: str, content: Mapping[str, Any], lines: Iterable[int]) -> None:
        fields = sorted({name for each in objects(content) for name in beside(each, self.id)}) if self.id else []
        said = ([", ".join(fields)] if fields else []) + [f"line {n}" for n in lines]
        self.hits += [Hit(place, which, what) for what in said]


def add_commands(commands: Commands) -> None:
    erased = operators_command(commands, "erased", "whether anything of a person is kept but the id", _TEACH)
    erased.add_argument("id", nargs="?", help="of a contact or a person")
    erased.add_argument("--look-for", type=Path, metavar="FILE", help="texts to be found nowhere, one a line")
    erased.set_defaults(run=lambda arguments: asyncio.run(_erased(arguments)))


async def _erased(arguments: argparse.Namespace) -> int:
    from deploy.cli.places import known_environment

    search = _wanted(arguments)
    sought = [*search.texts.values(), *([search.id] if search.id else [])]
    await look_through(known_environment(arguments.home), sought, search, facts=bool(search.texts))
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

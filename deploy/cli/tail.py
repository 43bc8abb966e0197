"""`polyplus tail`: the event stream as it flows."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deploy.cli.arguments import operators_command
from deploy.cli.output import complain, print_json

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

_TEACH = """
Every event of every service, from now on, as the gateway lets the ops role hear it. When the gateway restarts or the line breaks, the
stream is taken up where it was: nothing is missed, nothing comes twice. Ctrl-C ends it.

examples:
  polyplus tail                                        everything, a line for each event
  polyplus tail --type rma. --type cases.case-opened   by the beginning of the type
  polyplus tail --case 0192d000-0000-7000-8000-0000000000a1
  polyplus tail --after 0 --json | jq -r .type | sort | uniq -c      from the first event kept
"""
_PREFIX = "polyplus."
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_cyan", "bright_green", "bright_yellow")


def add_commands(commands: Commands) -> None:
    tail = operators_command(commands, "tail", "the event stream as it flows", _TEACH)
    tail.add_argument("--type", action="append", default=[], help="only types that begin so; may be given again")
    tail.add_argument("--case", type=UUID, help="only this case's")
    tail.add_argument("--account", type=UUID, help="only this account's")
    tail.add_argument(
        "--after", type=int, metavar="PLACE", help="begin after this place of the stream; 0: at the first event"
    )
    tail.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    try:
        asyncio.run(_tail(arguments))
    except KeyboardInterrupt:
        return 0
    return 0


async def _tail(arguments: argparse.Namespace) -> None:
    from deploy.cli.places import known_environment, needed
    from deploy.local.listening import Listener

    known = known_environment(arguments.home)
    url, *login = needed(known, "POLYPLUS_GATEWAY_URL", "POLYPLUS_CLIENT_OPS_ID", "POLYPLUS_CLIENT_OPS_SECRET")
    asked = [("type", each if each.startswith(_PREFIX) else f"{_PREFIX}{each}") for each in arguments.type]
    asked += [(f"{name}_id", str(id)) for name, id in (("case", arguments.case), ("account", arguments.account)) if id]
    after = None if arguments.after is None else str(arguments.after)
    listener = Listener(
        url,
        (login[0], login[1]),
        asked,
        after,
        broke_off=lambda why: complain(f"the stream broke off ({why}); coming again"),
        told=complain,
    )
    show = print_json if arguments.json else _pretty if sys.stdout.isatty() else _plain
    async for event in listener.events():
        show({**event, "place": listener.last})


def _plain(event: dict[str, Any]) -> None:
    print("  ".join(_columns(event)), flush=True)


def _columns(event: dict[str, Any]) -> tuple[str, str, str, str, str]:
    data = {name: value for name, value in (event["data"] or {}).items() if value not in (None, [], {})}
    about = data.pop("case_id", event["subject"])
    facts = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return event["time"][:19], f"{event['type'].removeprefix(_PREFIX):<40}", str(about), f"{event['actor']:<22}", facts


def _pretty(event: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.text import Text

    time, type, about, actor, facts = _columns(event)
    colour = _COLOURS[sum(type.split(".")[0].encode()) % len(_COLOURS)]
    line = Text.assemble(
        (time[11:], "dim"), "  ", (type, colour), "  ", about, "  ", (actor, "dim"), "  ", (facts, "dim")
    )
    Console(highlight=False).print(line, no_wrap=True, overflow="ellipsis")

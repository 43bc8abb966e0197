"""`polyplus clock advance 3d | now`: the sandbox's time. Production refuses it."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deploy.cli.arguments import add_home
from deploy.cli.output import complain

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add_commands(commands: Commands) -> None:
    clock = commands.add_parser("clock", help="the sandbox's time").add_subparsers(required=True, metavar="what")
    advance = clock.add_parser("advance", help="live through 90s, 30m, 8h, 3d or 2w of domain time, timer by timer")
    advance.add_argument("by", type=duration)
    advance.set_defaults(run=lambda arguments: asyncio.run(_advance(arguments)))
    now = clock.add_parser("now", help="what time it is in the sandbox")
    now.set_defaults(run=lambda arguments: asyncio.run(_now(arguments)))
    for parser in (advance, now):
        add_home(parser)


def duration(text: str) -> timedelta:
    """`1d12h` → a timedelta; argparse reports what is none."""
    parts = re.findall(r"(\d+)([smhdw])", text)
    if not parts or "".join(n + unit for n, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 90s, 30m, 8h, 3d, 2w or 1d12h")
    return sum((timedelta(**{_UNITS[unit]: int(n)}) for n, unit in parts), timedelta())


async def _advance(arguments: argparse.Namespace) -> None:
    from deploy.local import environment
    from deploy.local.sandbox import sandbox

    def say(to: datetime) -> None:
        print(f"{to:%Y-%m-%d %H:%M:%S} UTC", file=sys.stderr)

    async with sandbox(environment.read(arguments.home)) as box:
        print((await box.advance(arguments.by, say)).isoformat())
        for left in box.left:
            complain(f"not waited for: {left}")


async def _now(arguments: argparse.Namespace) -> None:
    from deploy.local import environment
    from deploy.local.sandbox import sandbox

    async with sandbox(environment.read(arguments.home)) as box:
        print((await box.look()).now.isoformat())

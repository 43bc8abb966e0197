"""`polyplus clock advance 3d | now`: the sandbox's time. Production refuses it."""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deploy.cli.arguments import operators_command
from deploy.cli.output import complain, print_json

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


_ADVANCE = """
Every service and simulator goes from one instant at which anything is due to the next, and all is quiet before it goes on: thresholds
pass, parcels travel, visits come. Each hop is said on standard error; the instant reached is the result. Only a sandbox can.

example:
  polyplus clock advance 3d
"""
_NOW = """
The domain time of this sandbox, as ISO 8601.

example:
  polyplus clock now
"""


def add_commands(commands: Commands) -> None:
    clock = commands.add_parser("clock", help="the sandbox's time").add_subparsers(required=True, metavar="what")
    advance = operators_command(clock, "advance", "live through some domain time, timer by timer", _ADVANCE)
    advance.add_argument("by", type=duration, help="90s, 30m, 8h, 3d, 2w or 1d12h")
    advance.set_defaults(run=lambda arguments: asyncio.run(_advance(arguments)))
    now = operators_command(clock, "now", "what time it is in the sandbox", _NOW)
    now.set_defaults(run=lambda arguments: asyncio.run(_now(arguments)))


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
        _print(arguments, await box.advance(arguments.by, say))
        for left in box.left:
            complain(f"not waited for: {left}")


async def _now(arguments: argparse.Namespace) -> None:
    from deploy.local import environment
    from deploy.local.sandbox import sandbox

    async with sandbox(environment.read(arguments.home)) as box:
        _print(arguments, (await box.look()).now)


def _print(arguments: argparse.Namespace, now: datetime) -> None:
    if arguments.json:
        print_json({"now": now})
    else:
        print(now.isoformat())

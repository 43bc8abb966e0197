"""`polyplus up | story | down | env`: the stack of this checkout."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import signal
import sys
from collections.abc import Mapping, MutableMapping
from importlib.util import find_spec
from typing import TYPE_CHECKING

from deploy.cli.arguments import operators_command
from deploy.cli.output import complain, print_json

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

DEMO, STORY = "deploy.local.demo", "deploy.local.story"
"""`await demo.load(env)` fills a fresh stack; `await story.play(env, as_json=…)` returns an exit code."""


_UP = """
PostgreSQL, Kafka, every service and the simulators, with demonstration data at the first start. Ports are the defaults where they are
free. It stays in the foreground and starts again what crashes; Ctrl-C or `polyplus down` stops all of it.

examples:
  polyplus up
  polyplus up --story
"""
_STORY = """
The main job step by step, each seen from outside; exit code 1 when one of them was not seen. It moves the sandbox's clock by weeks.

example:
  polyplus story --json | jq .ok
"""
_DOWN = """
Asks the supervisor to end and waits for it; then stops what an earlier one could not. May be repeated.

example:
  polyplus down
"""
_ENV = """
What .polyplus/env holds, as NAME=value lines to be sourced; with a name, its value alone. They are secrets of this machine.

examples:
  polyplus env POLYPLUS_GATEWAY_URL
  set -a; source .polyplus/env; set +a
"""


def add_commands(commands: Commands) -> None:
    up = operators_command(commands, "up", "start everything and stay up", _UP)
    up.add_argument("--story", action="store_true", help="play the story first")
    up.set_defaults(run=lambda arguments: asyncio.run(_up(arguments)))
    story = operators_command(commands, "story", "play the story on the running stack, else on its own", _STORY)
    story.set_defaults(run=lambda arguments: asyncio.run(_story(arguments)))
    down = operators_command(commands, "down", "stop what runs here, also what a crash left", _DOWN)
    down.set_defaults(run=_down)
    env = operators_command(commands, "env", "print addresses and development credentials", _ENV)
    env.add_argument("name", nargs="?", help="one variable: print its value alone")
    env.set_defaults(run=_env)


async def _up(arguments: argparse.Namespace) -> int:
    from deploy.local.stack import Stack

    _cancel_on_signals()
    try:
        async with Stack(arguments.home) as stack:
            await _load_demo(stack.env)
            if arguments.story and find_spec(STORY) is not None:
                await importlib.import_module(STORY).play(stack.env, as_json=arguments.json)
            _print_addresses(stack.env, as_json=arguments.json)
            await stack.forever()
    except asyncio.CancelledError:
        print("stopped", file=sys.stderr)
    return 0


async def _story(arguments: argparse.Namespace) -> int:
    from deploy.local import environment
    from deploy.local.errors import CannotRun
    from deploy.local.lock import is_taken
    from deploy.local.stack import Stack

    if find_spec(STORY) is None:
        raise CannotRun("there is no story to play yet")
    play = importlib.import_module(STORY).play
    if is_taken(arguments.home):
        return int(await play(environment.read(arguments.home), as_json=arguments.json))
    _cancel_on_signals()
    async with Stack(arguments.home) as stack:
        await _load_demo(stack.env)
        return int(await play(stack.env, as_json=arguments.json))


def _down(arguments: argparse.Namespace) -> int:
    from deploy.local.lock import stop_holder
    from deploy.local.processes import stop_leftovers

    stopped = stop_holder(arguments.home)
    left = stop_leftovers(arguments.home / "run", complain)
    if arguments.json:
        print_json({"stopped": stopped or bool(left)})
    else:
        print("stopped" if stopped or left else "nothing was running", file=sys.stderr)
    return 0


def _env(arguments: argparse.Namespace) -> int:
    from deploy.local import environment
    from deploy.local.errors import CannotRun

    known = environment.read(arguments.home)
    if not known:
        raise CannotRun(f"{arguments.home} has no environment yet: polyplus up makes it")
    if arguments.name is not None and arguments.name not in known:
        raise CannotRun(f"{arguments.name} is not in {arguments.home / environment.FILE}")
    if arguments.json:
        print_json(known if arguments.name is None else {arguments.name: known[arguments.name]})
    elif arguments.name is None:
        print("\n".join(environment.lines(known)))
    else:
        print(known[arguments.name])
    return 0


async def _load_demo(env: MutableMapping[str, str]) -> None:
    if find_spec(DEMO) is not None:
        await importlib.import_module(DEMO).load(env)


def _cancel_on_signals() -> None:
    """Ctrl-C, a plain kill and a closed terminal all end in the stack's own way out."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signum, task.cancel)


def _print_addresses(env: Mapping[str, str], *, as_json: bool) -> None:
    gateway, kafka = env["POLYPLUS_GATEWAY_URL"], env["POLYPLUS_KAFKA_BOOTSTRAP"]
    if as_json:
        print_json({"gateway": gateway, "documentation": f"{gateway}/docs", "kafka": kafka})
        return
    print(
        f"""
Poly+ runs at {gateway}
  open     {gateway}/docs     the API, to read
  events   {kafka}     Kafka; ./polyplus env prints logins

Type in another terminal:
  ./polyplus tail      the events as they flow
  ./polyplus status    which processes run, and whether they are ready
  ./polyplus --help    everything else

Ctrl-C here stops it all.""",
        flush=True,
    )

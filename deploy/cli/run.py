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

from deploy.cli.arguments import add_home
from deploy.cli.output import complain

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands

DEMO, STORY = "deploy.local.demo", "deploy.local.story"
"""`await demo.load(env)` fills a fresh stack; `await story.play(env, as_json=…)` returns an exit code."""


def add_commands(commands: Commands) -> None:
    up = commands.add_parser("up", help="start everything and stay up")
    up.add_argument("--story", action="store_true", help="play the story first")
    up.set_defaults(run=lambda arguments: asyncio.run(_up(arguments)))
    story = commands.add_parser("story", help="play the story on the running stack, else on its own")
    story.add_argument("--json", action="store_true", help="print what happened as JSON")
    story.set_defaults(run=lambda arguments: asyncio.run(_story(arguments)))
    down = commands.add_parser("down", help="stop what runs here, also what a crash left")
    down.set_defaults(run=_down)
    env = commands.add_parser("env", help="print addresses and development credentials")
    env.add_argument("name", nargs="?", help="one variable: print its value alone")
    env.set_defaults(run=_env)
    for parser in (up, story, down, env):
        add_home(parser)


async def _up(arguments: argparse.Namespace) -> int:
    from deploy.local.stack import Stack

    _cancel_on_signals()
    try:
        async with Stack(arguments.home) as stack:
            await _load_demo(stack.env)
            if arguments.story and find_spec(STORY) is not None:
                await importlib.import_module(STORY).play(stack.env, as_json=False)
            _print_addresses(stack.env)
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
    print("stopped" if stopped or left else "nothing was running", file=sys.stderr)
    return 0


def _env(arguments: argparse.Namespace) -> int:
    from deploy.local import environment
    from deploy.local.errors import CannotRun

    known = environment.read(arguments.home)
    if not known:
        raise CannotRun(f"{arguments.home} has no environment yet: polyplus up makes it")
    if arguments.name is None:
        print("\n".join(environment.lines(known)))
    elif arguments.name in known:
        print(known[arguments.name])
    else:
        raise CannotRun(f"{arguments.name} is not in {arguments.home / environment.FILE}")
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


def _print_addresses(env: Mapping[str, str]) -> None:
    gateway = env["POLYPLUS_GATEWAY_URL"]
    print(f"Poly+ runs at {gateway}  (API docs: {gateway}/docs)")
    print(
        f"events at {env['POLYPLUS_KAFKA_BOOTSTRAP']}; `polyplus env` prints every address and credential; Ctrl-C stops it",
        flush=True,
    )

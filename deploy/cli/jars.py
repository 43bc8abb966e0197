"""`polyplus lock-jars`: for whoever raises Kafka's version."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from deploy.cli.arguments import operators_command
from deploy.cli.output import print_json

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands


_TEACH = """
For whoever raises Kafka's version: each jar with its address and its hash. It asks the public repository.

example:
  polyplus lock-jars
"""


def add_commands(commands: Commands) -> None:
    lock = operators_command(
        commands, "lock-jars", "resolve Kafka's jars anew into deploy/local/kafka.lock.toml", _TEACH, home=False
    )
    lock.set_defaults(run=_lock)


def _lock(arguments: argparse.Namespace) -> int:
    from deploy.local.jars import LOCK, lock_jars

    count = len(lock_jars().dependencies)
    if arguments.json:
        print_json({"jars": count, "file": str(LOCK)})
    else:
        print(f"{count} jars locked in {LOCK}")
    return 0

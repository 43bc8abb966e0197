"""`polyplus lock-jars`: for whoever raises Kafka's version."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.cli.arguments import Commands


def add_commands(commands: Commands) -> None:
    lock = commands.add_parser("lock-jars", help="resolve Kafka's jars anew into deploy/local/kafka.lock.toml")
    lock.set_defaults(run=_lock)


def _lock(_arguments: argparse.Namespace) -> int:
    from deploy.local.jars import LOCK, lock_jars

    print(f"{len(lock_jars().dependencies)} jars locked in {LOCK}")
    return 0

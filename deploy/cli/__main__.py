"""`polyplus`: each file beside this one adds its commands by `add_commands(commands)`; imports wait until one runs."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence

import deploy.cli
from deploy.local.errors import CannotRun


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="polyplus", description="Poly+ on this machine, and its operation.")
    commands = parser.add_subparsers(required=True, metavar="command")
    for module in pkgutil.iter_modules(deploy.cli.__path__, "deploy.cli."):
        if not module.ispkg and not module.name.endswith("__main__"):
            importlib.import_module(module.name).add_commands(commands)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except CannotRun as reason:
        print(f"poly+: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

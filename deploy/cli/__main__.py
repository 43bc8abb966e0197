"""`polyplus`: each file beside this one may add commands by `add_commands(commands)`; imports wait until one runs."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence

import deploy.cli
from deploy.cli.arguments import Parser
from deploy.cli.output import fail, speak
from deploy.local.errors import CannotRun


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command. 0 done, 1 trouble found, 2 wrong usage or something out of reach, 130 interrupted."""
    typed = list(sys.argv[1:] if argv is None else argv)
    speak(as_json="--json" in typed)
    try:
        arguments = parser().parse_args(typed)
        return int(arguments.run(arguments) or 0)
    except CannotRun as reason:
        fail(str(reason))
        return 2
    except SystemExit as end:  # a process that lacks a setting says so
        if not isinstance(end.code, str):
            raise
        fail(end.code)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read has heard enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> Parser:
    """Every command there is."""
    whole = Parser(prog="polyplus", description="Poly+ on this machine, and its operation.")
    commands = whole.add_subparsers(required=True, metavar="command")
    for module in pkgutil.iter_modules(deploy.cli.__path__, "deploy.cli."):
        if not module.ispkg and not module.name.endswith("__main__"):
            add = getattr(importlib.import_module(module.name), "add_commands", None)
            if add:
                add(commands)
    return whole


if __name__ == "__main__":
    sys.exit(main())

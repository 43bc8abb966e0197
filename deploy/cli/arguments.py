"""How commands are described, and what they say alike."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from deploy.local.errors import CannotRun
from deploy.local.processes import ROOT

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Parser"]

EXIT_CODES = "exit code: 0 done; 1 done, and there is trouble to look at; 2 wrong usage, or something is out of reach"


class WrongUsage(CannotRun):
    """The command line asks for something that there is not."""


class Parser(argparse.ArgumentParser):
    """One that says in one line what it does not understand."""

    def error(self, message: str) -> NoReturn:
        raise WrongUsage(f"{message}; see {self.prog} --help")


def operators_command(commands: Commands, name: str, help: str, teach: str, *, home: bool = True, **how: Any) -> Parser:
    """A command with `--json` and, unless it needs no stack, `--home`; its help ends with examples and the exit codes."""
    parser: Parser = commands.add_parser(
        name, help=help, description=f"{help[0].upper()}{help[1:]}.", epilog=f"{teach.strip()}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter, **how,
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="for programs")
    if home:
        default = Path(os.environ.get("POLYPLUS_HOME") or ROOT / ".polyplus")
        parser.add_argument("--home", type=Path, default=default, help="the stack's folder (default: .polyplus)")
    return parser

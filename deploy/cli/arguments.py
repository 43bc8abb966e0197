"""What commands say alike."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.processes import ROOT

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_home(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", type=Path, default=ROOT / ".polyplus", help="the stack's folder (default: .polyplus)")


def add_commands(_commands: Commands) -> None:
    """None of its own."""

"""`python -m tests.faults.mutations`: plants a known mistake in a copy of the tree, and sees it caught; one after the other.

Once by the checker, after a short run of faults, and once by a test of the runtime's own.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local.processes import ROOT
from tests.faults.planted import MUTATIONS, Mutation

_SECONDS = 1500
_CATCHERS = ("checker", "tests")
_OBJECTION = re.compile(r"^ *(?:! )?(I\d+): ", re.MULTILINE)
_FAILED = re.compile(r"^FAILED \S+?::(\S+)", re.MULTILINE)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutations", description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="names of mutations")
    parser.add_argument("--by", choices=_CATCHERS, nargs="*", default=_CATCHERS, help="who has to catch them (both)")
    parser.add_argument("--kills", type=int, help="instead of what each is known to take")
    parser.add_argument("--seed", type=int, default=20_261_122)
    arguments = parser.parse_args()
    chosen = [m for m in MUTATIONS if not arguments.only or m.name in arguments.only]
    print(f"{len(chosen)} mutations; a few minutes each on two quiet cores", flush=True)
    missed = 0
    for mutation in chosen:
        for catcher in arguments.by:
            caught = _caught(mutation, catcher, arguments.kills or mutation.kills, arguments.seed)
            missed += not caught
            print(f"{mutation.name:<38} {catcher:<8} {caught or 'MISSED IT'}", flush=True)
    return 1 if missed else 0


def _caught(mutation: Mutation, catcher: str, kills: int, seed: int) -> str:
    """What objected: invariants, or the test. Empty when nothing did that should have."""
    with TemporaryDirectory(prefix="polyplus-mutation-") as folder:
        copy = Path(folder) / "tree"
        _copy(copy)
        for change in mutation.changes:
            change.apply(copy)
        if catcher == "tests":
            return "".join(
                _FAILED.findall(_run(copy, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutation.test))
            )
        said = _run(copy, "-m", "tests.faults", "--kills", str(kills), "--seed", str(seed))
        objected = set(_OBJECTION.findall(said))
        return ", ".join(sorted(objected, key=lambda name: int(name[1:]))) if objected & mutation.invariants else ""


def _copy(to: Path) -> None:
    """What git knows of, as it stands here."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def _run(copy: Path, *arguments: str) -> str:
    command: Sequence[str] = (sys.executable, *arguments)
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False, timeout=_SECONDS)
    return done.stdout + done.stderr


if __name__ == "__main__":
    sys.exit(main())

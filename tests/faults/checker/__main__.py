"""`python -m tests.faults.checker <folder> [--only I5 …]`: proves a run from its evidence alone; exit code 1 when anything is objected to."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

from deploy.local.postgres import temporary_postgres
from tests.faults.checker import I11, INVARIANTS, Look, check
from tests.faults.evidence import Evidence

_SHOWN = 10


def report(looks: Iterable[Look]) -> str:
    """What was looked at, and what was objected to."""
    says = {each.name: each.says for each in INVARIANTS} | {"I11": I11}
    lines = []
    for look in looks:
        verdict = f"{len(look.violations)} VIOLATIONS" if look.violations else "holds"
        counts = ", ".join(f"{number} {what}" for what, number in look.counts.items())
        lines.append(f"{look.invariant:<4}{verdict:<14}{says[look.invariant]}\n{'':18}looked at {counts or 'nothing'}")
        lines += [f"{'':18}! {violation}" for violation in look.violations[:_SHOWN]]
        if len(look.violations) > _SHOWN:
            lines.append(f"{'':18}… and {len(look.violations) - _SHOWN} more")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.checker", description=__doc__)
    parser.add_argument("folder", type=Path, help="the evidence of a run")
    parser.add_argument("--only", nargs="*", default=[], metavar="I5", help="only these invariants")
    arguments = parser.parse_args()
    with ExitStack() as engines:
        rebuilds = not arguments.only or "I11" in arguments.only
        admin_url = engines.enter_context(temporary_postgres()) if rebuilds else None
        looks = asyncio.run(check(Evidence.load(arguments.folder), admin_url, only=arguments.only))
    print(report(looks))
    return 1 if any(look.violations for look in looks) else 0


if __name__ == "__main__":
    sys.exit(main())

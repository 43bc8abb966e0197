"""`make faults`: KILLS (1,000) faults drawn from SEED on a stack of its own, in chapters, each proven to have lost nothing.

Run again with the same SEED and KILLS it goes on after the chapters that were finished. Evidence of a chapter that failed stays in
`.polyplus/faults/<seed>-<kills>/<chapter>/`; `python -m tests.faults.checker <folder>` looks at it again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from deploy.local.errors import CannotRun
from deploy.local.processes import ROOT
from tests.faults import matrix
from tests.faults.checker import Violation
from tests.faults.disturbances import DISTURBANCES
from tests.faults.faults import Done
from tests.faults.plan import Chapter, chapters, estimate
from tests.faults.run import Outcome, play
from tests.faults.stack import TARGETS

_OUTCOME = "outcome.json"


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=int(os.environ.get("KILLS") or 1000))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED") or 0) or secrets.randbelow(10**6))
    arguments = parser.parse_args()
    logging.getLogger("asyncpg").addHandler(logging.NullHandler())  # that an engine is away is no news here
    home = ROOT / ".polyplus" / "faults" / f"{arguments.seed}-{arguments.kills}"
    plan = chapters(arguments.seed, arguments.kills, TARGETS, DISTURBANCES)
    try:
        return asyncio.run(_play_all(plan, home, arguments.seed, arguments.kills))
    except (KeyboardInterrupt, asyncio.CancelledError):
        _say(f"stopped; SEED={arguments.seed} KILLS={arguments.kills} goes on after the last finished chapter")
        return 130


async def _play_all(plan: Sequence[Chapter], home: Path, seed: int, kills: int) -> int:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    left = [chapter for number, chapter in enumerate(plan) if _finished(home / str(number)) is None]
    _say(f"{kills} kills and {sum(c.others for c in plan)} other faults in {len(plan)} chapters, SEED={seed}")
    _say(
        f"about {estimate(left) / 60:.0f} minutes on two quiet cores; {len(plan) - len(left)} chapters are done already"
    )
    done: list[Done] = []
    violations: list[Violation] = []
    for number, chapter in enumerate(plan):
        folder = home / str(number)
        outcome = _finished(folder)
        if outcome is None:
            _say(f"chapter {number + 1} of {len(plan)}: {chapter.kills} kills, {chapter.others} other faults")
            shutil.rmtree(folder, ignore_errors=True)
            outcome = await _play(chapter, folder)
        done += outcome.done
        violations += outcome.violations
    _say(matrix.table(done, violations))
    for violation in violations[:50]:
        _say(f"   {violation}")
    if violations:
        _say(f"repeat it with: make faults SEED={seed} KILLS={kills} (after removing {home}); the evidence is there")
        return 1
    if len(plan) > 1 and (never := [cell.what for cell in matrix.cells(done) if not cell.interrupted]):
        _say(f"this run proves nothing of what never fell on anything: {', '.join(never)}")
        return 1
    all, hit = matrix.kills(done)
    if hit < matrix.IN_FLIGHT_SHARE * all:
        _say(f"only {hit} of {all} kills met work in flight: this run proves too little")
        return 1
    return 0


async def _play(chapter: Chapter, folder: Path) -> Outcome:
    try:
        outcome = await play(chapter, folder, _say)
    except (CannotRun, ExceptionGroup) as failed:
        traceback.print_exception(failed)
        outcome = Outcome(violations=[Violation("unplayed", f"the chapter could not be played: {failed}")])
    _say(
        f"{outcome.checked}\nstories: {dict(sorted(outcome.told.items()))}; quiet after {outcome.quiet_after or -1:.1f} s"
    )
    if not outcome.violations:
        _keep(outcome, folder)
    return outcome


def _keep(outcome: Outcome, folder: Path) -> None:
    """Of a chapter in which nothing was wrong only what was done."""
    shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / _OUTCOME).write_text(json.dumps({"done": [asdict(one) for one in outcome.done]}))


def _finished(folder: Path) -> Outcome | None:
    """What an earlier run of this chapter did, when it found nothing wrong."""
    file = folder / _OUTCOME
    if not file.exists():
        return None
    return Outcome(done=[Done(**one) for one in json.loads(file.read_text())["done"]])


if __name__ == "__main__":
    sys.exit(main())

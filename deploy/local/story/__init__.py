"""The main job, told on a running stack and seen from outside only: REST, the live stream, the topics."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TextIO

from deploy.local.errors import CannotRun
from deploy.local.story.stage import Stage, stage
from deploy.local.story.steps import STEPS

_FIRST, _LAST = 12, 6
Between = Callable[[int], Awaitable[None]]


async def play(env: Mapping[str, str], *, as_json: bool = False, before_step: Between | None = None) -> int:
    """Plays every step and prints what was seen; 0 only if all of it was. `before_step` may disturb the stack."""
    told: list[dict[str, Any]] = []
    out = sys.stderr if as_json else sys.stdout
    began = time.monotonic()

    def say(line: str) -> None:
        print(_fitted(line, out), file=out, flush=True)

    async with stage(env, say) as s:
        try:
            for number, step in enumerate(STEPS, 1):
                if before_step:
                    await before_step(number)
                say((step.__doc__ or "").strip())
                started = time.monotonic()
                outcome = await step(s)
                told.append({"step": number, "seen": outcome, "seconds": round(time.monotonic() - started, 2)})
                say(f"   ✓ {outcome}  ({told[-1]['seconds']} s)")
        except CannotRun as missing:
            say(f"   ✗ {missing}")
            told.append({"step": len(told) + 1, "missing": str(missing)})
        whole = "missing" not in told[-1]
        if whole and not as_json:
            _print_timeline(s)
        if as_json:
            report = {"ok": whole, "case": s.known.get("case"), "steps": told, "timeline": s.known.get("timeline")}
            print(json.dumps(report, indent=2, ensure_ascii=False))
    say(f"the story was {'seen from end to end' if whole else 'not seen'} in {time.monotonic() - began:.1f} s")
    return 0 if whole else 1


def _fitted(line: str, out: TextIO) -> str:
    """Broken between words where a terminal would break it anywhere."""
    if not out.isatty():
        return line
    behind = " " * 5 if line.startswith(" ") else " " * 3
    return textwrap.fill(line, min(120, shutil.get_terminal_size().columns), subsequent_indent=behind)


def _print_timeline(s: Stage) -> None:
    """Its beginning and its end, a line of 80 columns for each event."""
    events, case = s["timeline"]["items"], s["case"]
    print(f"\nTimeline of {case['number']}")
    left_out = events[_FIRST:-_LAST]
    for event in [*events[:_FIRST], *([None] if left_out else []), *events[max(_FIRST, len(events) - _LAST) :]]:
        if event is None:
            print(f"  … {len(left_out)} more: ./polyplus tail --after 0 --case {case['id']}")
            continue
        type = event["type"].removeprefix("polyplus.").rpartition(".v")[0]
        who, _, id = event["actor"].partition(":")
        print(f"  {event['time'][:19]}  {type:<36} {event['actor'] if len(id) < 36 else who}")
    print()

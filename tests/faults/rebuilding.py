"""An operator reads a service's projections anew while everybody works: nothing may differ."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from deploy.local.errors import CannotRun
from deploy.local.processes import ROOT


class NotAsTheLog(Exception):
    """A rebuild found rows that the log does not make so."""


async def rebuilt(service: str, home: Path) -> str:
    """How much was read. Raises NotAsTheLog, CannotRun."""
    command = (sys.executable, "-m", "deploy.cli", "rebuild", service, "--json", "--home", str(home))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)
    out, why = await process.communicate()
    done = json.loads(out or b"null")
    if not isinstance(done, list):
        raise CannotRun(f"the rebuild ended with {process.returncode}: {done} {why.decode()[-200:]}")
    if differing := [each for each in done if each["differences"]]:
        raise NotAsTheLog(json.dumps(differing)[:1000])
    return f"{sum(each['events'] for each in done)} events read"

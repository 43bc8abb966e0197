"""The clock of the domain, for whoever shows a countdown."""

from datetime import datetime

from pydantic import BaseModel

from libs.kit.auth import ROLES
from libs.kit.http import Router, Tx, allow

router = Router(tags=["time"])


class Clock(BaseModel):
    """What due dates, arrival windows and contracts are counted by.

    `offset_seconds` is how far it is ahead of the real clock: 0 but in a sandbox.
    """

    now: datetime
    offset_seconds: float


@router.get("/v1/time", dependencies=[allow(*ROLES)])
async def get_time_route(tx: Tx) -> Clock:
    """The instant from which a countdown is shown, whatever the clock of who shows it says."""
    offset = await tx.connection.fetchval("SELECT extract(epoch FROM time_offset)::float8 FROM app_clock")
    return Clock(now=tx.now, offset_seconds=offset)

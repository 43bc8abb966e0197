"""Rotas with those who stand in."""

from collections.abc import Sequence
from datetime import UTC, datetime

from libs.store import Transaction
from services.escalation.model.override import Override
from services.escalation.model.roster import Roster
from services.escalation.model.rota import Rota

EVER = datetime(2300, 1, 1, tzinfo=UTC)


async def rosters(rotas: Sequence[Rota], tx: Transaction, start: datetime, end: datetime | None = None) -> list[Roster]:
    """With the overrides that hold at `start`, or from then until `end`."""
    if not rotas:
        return []
    found = await tx.select(
        Override,
        Override.c.rota_id.in_([rota.id for rota in rotas]),
        Override.c.ends > start,
        Override.c.starts < end if end else Override.c.starts <= start,
        order_by=(Override.c.created_at, Override.c.id),
    )
    return [Roster(rota, [each for each in found if each.rota_id == rota.id]) for rota in rotas]


async def roster(rota: Rota, tx: Transaction, start: datetime, end: datetime | None = None) -> Roster:
    """The same of one."""
    return (await rosters([rota], tx, start, end))[0]

"""Rotas with those who stand in."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from libs.store import Transaction
from services.escalation.model.override import Override
from services.escalation.model.roster import Roster
from services.escalation.model.rota import Rota
from services.escalation.queries.absences import absences_of

EVER = datetime(2300, 1, 1, tzinfo=UTC)


async def rosters(rotas: Sequence[Rota], tx: Transaction, start: datetime, end: datetime | None = None) -> list[Roster]:
    """With the overrides and absences that hold at `start`, or from then until `end`."""
    if not rotas:
        return []
    found = await tx.select(
        Override,
        Override.c.rota_id.in_([rota.id for rota in rotas]),
        Override.c.ends > start,
        Override.c.starts < end if end else Override.c.starts <= start,
        order_by=(Override.c.created_at, Override.c.id),
    )
    people = {id for rota in rotas for id in rota.people} | {each.person_id for each in found}
    away = await absences_of(people, tx, start, end)
    made = [Roster(rota, [each for each in found if each.rota_id == rota.id]) for rota in rotas]
    return [replace(each, absences=[one for one in away if one.person_id in each.people]) for each in made]


async def roster(rota: Rota, tx: Transaction, start: datetime, end: datetime | None = None) -> Roster:
    """The same of one."""
    return (await rosters([rota], tx, start, end))[0]

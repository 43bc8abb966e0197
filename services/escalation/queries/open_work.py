"""Which turns are still to come of a person, and which escalations they hold."""

from uuid import UUID

import sqlalchemy as sa

from libs.kit.listing import contains
from libs.kit.open_work import MOST, OpenWork
from libs.store import Transaction
from services.escalation.model.escalation import Escalation
from services.escalation.model.override import Override
from services.escalation.model.rota import Rota


async def held_by(person_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Rotas in which they have a turn or stand in from now on, then escalations that are not resolved."""
    turns = contains(Rota.c.layers, [{"people": [str(person_id)]}])
    stands_in = sa.select(Override.c.rota_id).where(
        Override.c.person_id == person_id, Override.c.ends > tx.now, Override.c.removed_at.is_(None)
    )
    rotas = await tx.select(Rota, sa.or_(turns, Rota.c.id.in_(stands_in)))
    held = await tx.select(Escalation, Escalation.c.state.in_(("acknowledged", "handed_over")))
    theirs = [each for each in held if each.held_by == person_id]
    found = [OpenWork(what="rota", id=each.id, number=each.name) for each in rotas] + [
        OpenWork(what="escalation", id=e.id, number=e.number, case_id=e.case_id, state=e.state) for e in theirs
    ]
    return found[:MOST]

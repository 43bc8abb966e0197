"""What is open with a person: turns to come, escalations, and what calls nobody else."""

from uuid import UUID

import sqlalchemy as sa

from libs.kit.listing import contains
from libs.kit.open_work import MOST, OpenWork
from libs.store import Transaction
from services.escalation.model.escalation import NOT_OVER, Escalation
from services.escalation.model.escalation_policy import EscalationPolicy
from services.escalation.model.override import Override
from services.escalation.model.people import Team
from services.escalation.model.rota import Rota
from services.escalation.queries.phone_book import erased_people


async def open_with(person_id: UUID, tx: Transaction) -> list[OpenWork]:
    """Rotas in which they have a turn or stand in from now on, teams and policies that would call nobody without them, then escalations
    that are not resolved, which they hold or joined as an expert."""
    turns = contains(Rota.c.layers, [{"people": [str(person_id)]}])
    stands_in = sa.select(Override.c.rota_id).where(
        Override.c.person_id == person_id, Override.c.ends > tx.now, Override.c.removed_at.is_(None)
    )
    rotas = await tx.select(Rota, sa.or_(turns, Rota.c.id.in_(stands_in)))
    found = [OpenWork(what="rota", id=each.id, number=each.name) for each in rotas]
    found += await _called_alone(person_id, tx)
    for each in await tx.select(Escalation, Escalation.c.state.in_(NOT_OVER)):
        if (each.state in ("acknowledged", "handed_over") and each.held_by == person_id) or person_id in each.invited:
            open_one = OpenWork(
                what="escalation", id=each.id, number=each.number, case_id=each.case_id, state=each.state
            )
            found.append(open_one)
    return found[:MOST]


async def _called_alone(person_id: UUID, tx: Transaction) -> list[OpenWork]:
    """What calls them, and besides them only who is erased."""
    nobody = {*await erased_people(tx), person_id}
    teams = await tx.select(Team, contains(Team.c.members, [str(person_id)]))
    steps = contains(EscalationPolicy.c.steps, [{"calls": [{"kind": "person", "id": str(person_id)}]}])
    policies = await tx.select(EscalationPolicy, steps, EscalationPolicy.c.active)
    alone = [OpenWork(what="team", id=team.id, number=team.name) for team in teams if nobody >= {*team.members}]
    return alone + [
        OpenWork(what="policy", id=policy.id, number=policy.name)
        for policy in policies
        if any(step.calls_only(person_id, nobody) for step in policy.steps)
    ]

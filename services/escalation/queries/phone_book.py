"""Reads the people who can be called now."""

from uuid import UUID

import sqlalchemy as sa

from libs.store import Transaction
from services.escalation.model.escalation_policy import Call
from services.escalation.model.known_person import KnownPerson
from services.escalation.model.people import Team
from services.escalation.model.recipients import PhoneBook
from services.escalation.model.rota import Rota
from services.escalation.queries.rosters import rosters


async def phone_book(tx: Transaction, calls: tuple[Call, ...] = ()) -> PhoneBook:
    """As the rotas and teams are now; with those that `calls` name."""
    named = await tx.find_many(Rota, [call.id for call in calls if call.kind == "rota" and call.id])
    duty_managers = await tx.select(Rota, Rota.c.purpose == "duty_manager", order_by=(Rota.c.name, Rota.c.id))
    rotas = {rota.id: rota for rota in [*duty_managers, *named] if rota}
    found = {each.rota.id: each for each in await rosters([*rotas.values()], tx, tx.now)}
    teams = await tx.find_many(Team, [call.id for call in calls if call.kind == "team" and call.id])
    return PhoneBook(
        at=tx.now,
        duty_managers=[found[rota.id] for rota in duty_managers],
        service_management=await tx.select(
            Team, Team.c.purpose == "service_management", order_by=(Team.c.name, Team.c.id)
        ),
        rotas={rota.id: found[rota.id] for rota in named if rota},
        teams={team.id: team for team in teams if team},
        erased=await erased_people(tx),
    )


async def erased_people(tx: Transaction) -> frozenset[UUID]:
    """Few: those of us who asked to be forgotten."""
    return frozenset(row["id"] for row in await tx.fetch(sa.select(KnownPerson.c.id).where(KnownPerson.c.gone)))

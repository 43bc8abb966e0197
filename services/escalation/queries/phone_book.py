"""Reads the people who can be called now."""

from libs.store import Transaction
from services.escalation.model.escalation_policy import Call
from services.escalation.model.people import Team
from services.escalation.model.recipients import PhoneBook
from services.escalation.model.rota import Rota


async def phone_book(tx: Transaction, calls: tuple[Call, ...] = ()) -> PhoneBook:
    """As the rotas and teams are now; with those that `calls` name."""
    rotas = await tx.find_many(Rota, [call.id for call in calls if call.kind == "rota" and call.id])
    teams = await tx.find_many(Team, [call.id for call in calls if call.kind == "team" and call.id])
    return PhoneBook(
        at=tx.now,
        duty_managers=await tx.select(Rota, Rota.c.purpose == "duty_manager", order_by=(Rota.c.name, Rota.c.id)),
        service_management=await tx.select(
            Team, Team.c.purpose == "service_management", order_by=(Team.c.name, Team.c.id)
        ),
        rotas={rota.id: rota for rota in rotas if rota},
        teams={team.id: team for team in teams if team},
    )

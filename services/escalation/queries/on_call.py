"""Who is on call everywhere: all rotas and teams at an instant, and the shifts of the days that follow."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from libs.kit.auth import STAFF
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.people import NamedPerson
from services.escalation.model.layer import When
from services.escalation.model.people import Team
from services.escalation.model.rota import Rota
from services.escalation.queries.absences import whose
from services.escalation.queries.our_people import known
from services.escalation.queries.people import GapOut
from services.escalation.queries.rosters import rosters

router = Router(tags=["people"])


class OnCallQuery(BaseModel):
    at: Annotated[When | None, Field(description="now, unless told")] = None
    days: Annotated[int, Field(ge=0, le=92, description="so many days from `at` on have their shifts listed")] = 0
    person_id: Annotated[
        UUID | Literal["me"] | None,
        Field(description="whose shifts, and the rotas and teams that they are in; `me`: the caller's"),
    ] = None


class ShiftOut(BaseModel):
    """A stretch, the end outside, in which one person is on call in one layer; cut off where the list is."""

    layer: str
    person: NamedPerson
    starts: datetime
    ends: datetime


class RotaOnCall(BaseModel):
    """`people` are on call at the instant; `gaps` lie among the shifts."""

    rota_id: UUID
    name: str
    purpose: Literal["duty_manager", "on_call"]
    people: list[NamedPerson]
    shifts: list[ShiftOut]
    gaps: list[GapOut]


class TeamOnCall(BaseModel):
    """All of its members are told together."""

    team_id: UUID
    name: str
    purpose: Literal["service_management"] | None
    members: list[NamedPerson]


class OnCallEverywhere(BaseModel):
    """Rotas and teams by name."""

    at: datetime
    until: datetime
    rotas: list[RotaOnCall]
    teams: list[TeamOnCall]


@router.get("/v1/on-call", dependencies=[allow(*STAFF)])
async def get_on_call_everywhere_route(
    tx: Tx, caller: Caller, asked: Annotated[OnCallQuery, Query()]
) -> OnCallEverywhere:
    """Who is on call at an instant in all rotas, and who is in which team. A `+` in the instant's offset is written %2B."""
    at, who = asked.at or tx.now, whose(asked.person_id, caller)
    until = at + timedelta(days=asked.days)
    found = await rosters(
        await tx.select(Rota, order_by=(Rota.c.sort_key, Rota.c.id)), tx, at, until if asked.days else None
    )
    teams = await tx.select(Team, order_by=(Team.c.sort_key, Team.c.id))
    teams = [team for team in teams if who in (None, *team.members)]
    names = await known(
        [id for each in found for id in each.people] + [id for each in teams for id in each.members], tx
    )

    def named(id: UUID) -> NamedPerson:
        return NamedPerson.of(id, names)

    rotas = []
    for roster in found:
        shifts = [each for each in roster.shifts(at, until) if who in (None, each.person_id)] if asked.days else []
        on_call = roster.on_call(at)
        if who is None or shifts or who in on_call:
            rotas.append(
                RotaOnCall(
                    rota_id=roster.rota.id,
                    name=roster.rota.name,
                    purpose=roster.rota.purpose,
                    people=[named(id) for id in on_call],
                    shifts=[
                        ShiftOut(layer=each.layer, person=named(each.person_id), starts=each.starts, ends=each.ends)
                        for each in shifts
                    ],
                    gaps=[GapOut.model_validate(gap) for gap in roster.gaps(at, until)] if asked.days else [],
                )
            )
    told = [
        TeamOnCall(team_id=each.id, name=each.name, purpose=each.purpose, members=[named(id) for id in each.members])
        for each in teams
    ]
    return OnCallEverywhere(at=at, until=until, rotas=rotas, teams=told)

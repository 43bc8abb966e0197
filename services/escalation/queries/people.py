"""Who can be called: policies, teams, rotas with who is on call, experts by skill."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime, BaseModel

from libs.events.values import Domain, Language, Priority
from libs.kit.auth import STAFF
from libs.kit.calendar import CalendarData
from libs.kit.fields import Word
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.paging import Page
from services.escalation.model.escalation_policy import EscalationPolicy, Step
from services.escalation.model.expert import Absence, Expert, Skills, Unavailable, by_fitness
from services.escalation.model.people import Person, Team
from services.escalation.model.rota import Layer, Override, Rota

router = Router(tags=["people"])


class PolicyOut(Out):
    id: UUID
    name: str
    priorities: list[Priority]
    rules: list[str]
    steps: list[Step]
    repeat: int | None
    unacknowledge_minutes: int | None
    active: bool


class TeamOut(Out):
    id: UUID
    name: str
    purpose: Literal["service_management"] | None
    members: list[Person]
    webhook_url: str | None


class RotaOut(Out):
    id: UUID
    name: str
    purpose: Literal["duty_manager", "on_call"]
    layers: list[Layer]
    overrides: list[Override]
    webhook_url: str | None


class OnCall(BaseModel):
    rota_id: UUID
    at: datetime
    people: list[Person]


class ExpertOut(Out):
    id: UUID
    name: str
    email: str | None
    language: Language
    skills: Skills
    hours: CalendarData
    absences: list[Absence]
    max_load: int
    load: int
    active: bool


class FoundExpert(ExpertOut):
    """An expert as a search finds them: why they cannot be asked now, and how many of the skills they have."""

    unavailable: Unavailable | None
    matching_skills: int


class PolicyList(Listing):
    active: bool | None = None
    sort: str = order("name")


class TeamList(Listing):
    purpose: Literal["service_management"] | None = None
    sort: str = order("name")


class RotaList(Listing):
    purpose: Literal["duty_manager", "on_call"] | None = None
    sort: str = order("name")


class ExpertList(Listing):
    sort: str = order("name")


@router.get("/v1/policies", dependencies=[allow(*STAFF)])
async def list_policies_route(tx: Tx, asked: Annotated[PolicyList, Query()]) -> Page[PolicyOut]:
    return await listed(tx, EscalationPolicy, asked, out=PolicyOut.model_validate)


@router.get("/v1/policies/{policy_id}", dependencies=[allow(*STAFF)])
async def get_policy_route(policy_id: UUID, tx: Tx) -> PolicyOut:
    return PolicyOut.model_validate(await EscalationPolicy.get(policy_id, tx))


@router.get("/v1/teams", dependencies=[allow(*STAFF)])
async def list_teams_route(tx: Tx, asked: Annotated[TeamList, Query()]) -> Page[TeamOut]:
    return await listed(tx, Team, asked, out=TeamOut.model_validate)


@router.get("/v1/teams/{team_id}", dependencies=[allow(*STAFF)])
async def get_team_route(team_id: UUID, tx: Tx) -> TeamOut:
    return TeamOut.model_validate(await Team.get(team_id, tx))


@router.get("/v1/rotas", dependencies=[allow(*STAFF)])
async def list_rotas_route(tx: Tx, asked: Annotated[RotaList, Query()]) -> Page[RotaOut]:
    return await listed(tx, Rota, asked, out=RotaOut.model_validate)


@router.get("/v1/rotas/{rota_id}", dependencies=[allow(*STAFF)])
async def get_rota_route(rota_id: UUID, tx: Tx) -> RotaOut:
    return RotaOut.model_validate(await Rota.get(rota_id, tx))


@router.get("/v1/rotas/{rota_id}/on-call", dependencies=[allow(*STAFF)])
async def get_on_call_route(rota_id: UUID, tx: Tx, at: AwareDatetime | None = None) -> OnCall:
    """Who is on call at an instant; now, unless told. A `+` in the instant's offset is written %2B."""
    when = at or tx.now
    return OnCall(rota_id=rota_id, at=when, people=(await Rota.get(rota_id, tx)).on_call(when))


@router.get("/v1/experts", dependencies=[allow(*STAFF)])
async def list_experts_route(tx: Tx, asked: Annotated[ExpertList, Query()]) -> Page[ExpertOut]:
    return await listed(tx, Expert, asked, out=ExpertOut.model_validate)


@router.get("/v1/experts/search", dependencies=[allow(*STAFF)])
async def search_experts_route(
    tx: Tx,
    family: Annotated[list[Word] | None, Query()] = None,
    domain: Annotated[list[Domain] | None, Query()] = None,
    partner_id: Annotated[list[UUID] | None, Query()] = None,
    at: AwareDatetime | None = None,
) -> Page[FoundExpert]:
    """The best first: who can be asked, with the most of these skills, the least loaded."""
    needed, when = (
        Skills(families=tuple(family or ()), domains=tuple(domain or ()), partners=tuple(partner_id or ())),
        at or tx.now,
    )
    found = by_fitness(await tx.select(Expert, Expert.c.active), needed, when)[:200]
    return Page(
        items=[
            FoundExpert(
                **ExpertOut.model_validate(expert).model_dump(),
                unavailable=expert.unavailable(when),
                matching_skills=expert.fits(needed),
            )
            for expert in found
        ]
    )


@router.get("/v1/experts/{expert_id}", dependencies=[allow(*STAFF)])
async def get_expert_route(expert_id: UUID, tx: Tx) -> ExpertOut:
    return ExpertOut.model_validate(await Expert.get(expert_id, tx))

"""Who can be called: policies, teams, rotas with who is on call, experts by skill."""

from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict

from libs.events.values import Domain, Language, Priority
from libs.kit.auth import STAFF
from libs.kit.calendar import CalendarData
from libs.kit.fields import Word
from libs.kit.http import Router, Tx, allow
from libs.kit.paging import Page, PageParams, Paging, page
from libs.store import Entity, Transaction
from services.escalation.model.escalation_policy import EscalationPolicy, Step
from services.escalation.model.expert import Absence, Expert, Skills, Unavailable, by_fitness
from services.escalation.model.people import Person, Team
from services.escalation.model.rota import Layer, Override, Rota

router = Router(tags=["people"])


class PolicyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    priorities: list[Priority]
    rules: list[str]
    steps: list[Step]
    repeat: int | None
    unacknowledge_minutes: int | None
    active: bool


class TeamOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    purpose: Literal["service_management"] | None
    members: list[Person]
    webhook_url: str | None


class RotaOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

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


class ExpertOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

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


M = TypeVar("M", bound=BaseModel)


async def _named_page(
    cls: Any, out: type[M], tx: Transaction, params: PageParams, *where: sa.ColumnElement[bool]
) -> Page[M]:
    """By name."""
    c, conditions = cls.c, list(where)
    if after := params.after(str, UUID):
        conditions.append(sa.tuple_(c.name, c.id) > sa.tuple_(sa.literal(after[0]), sa.literal(after[1], c.id.type)))
    rows: list[Entity] = await tx.select(cls, *conditions, order_by=(c.name, c.id), limit=params.limit + 1)
    return page([out.model_validate(row) for row in rows], params.limit, lambda row: (row.name, row.id))  # type: ignore[attr-defined]


@router.get("/v1/policies", dependencies=[allow(*STAFF)])
async def list_policies(tx: Tx, params: Paging, active: bool | None = None) -> Page[PolicyOut]:
    where = [] if active is None else [EscalationPolicy.c.active == active]
    return await _named_page(EscalationPolicy, PolicyOut, tx, params, *where)


@router.get("/v1/policies/{policy_id}", dependencies=[allow(*STAFF)])
async def read_policy(policy_id: UUID, tx: Tx) -> PolicyOut:
    return PolicyOut.model_validate(await EscalationPolicy.get(policy_id, tx))


@router.get("/v1/teams", dependencies=[allow(*STAFF)])
async def list_teams(tx: Tx, params: Paging, purpose: Literal["service_management"] | None = None) -> Page[TeamOut]:
    return await _named_page(Team, TeamOut, tx, params, *([Team.c.purpose == purpose] if purpose else []))


@router.get("/v1/teams/{team_id}", dependencies=[allow(*STAFF)])
async def read_team(team_id: UUID, tx: Tx) -> TeamOut:
    return TeamOut.model_validate(await Team.get(team_id, tx))


@router.get("/v1/rotas", dependencies=[allow(*STAFF)])
async def list_rotas(
    tx: Tx, params: Paging, purpose: Literal["duty_manager", "on_call"] | None = None
) -> Page[RotaOut]:
    return await _named_page(Rota, RotaOut, tx, params, *([Rota.c.purpose == purpose] if purpose else []))


@router.get("/v1/rotas/{rota_id}", dependencies=[allow(*STAFF)])
async def read_rota(rota_id: UUID, tx: Tx) -> RotaOut:
    return RotaOut.model_validate(await Rota.get(rota_id, tx))


@router.get("/v1/rotas/{rota_id}/on-call", dependencies=[allow(*STAFF)])
async def who_is_on_call(rota_id: UUID, tx: Tx, at: AwareDatetime | None = None) -> OnCall:
    """Who is on call at an instant; now, unless told. A `+` in the instant's offset is written %2B."""
    when = at or tx.now
    return OnCall(rota_id=rota_id, at=when, people=(await Rota.get(rota_id, tx)).on_call(when))


@router.get("/v1/experts", dependencies=[allow(*STAFF)])
async def list_experts(tx: Tx, params: Paging) -> Page[ExpertOut]:
    return await _named_page(Expert, ExpertOut, tx, params)


@router.get("/v1/experts/search", dependencies=[allow(*STAFF)])
async def find_experts(
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
async def read_expert(expert_id: UUID, tx: Tx) -> ExpertOut:
    return ExpertOut.model_validate(await Expert.get(expert_id, tx))

"""Teams, and rotas with who is on call."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime, BaseModel

from libs.kit.auth import STAFF
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from services.escalation.model.people import Person, Team
from services.escalation.model.rota import Layer, Rota, RotaOverride

router = Router(tags=["people"])


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
    overrides: list[RotaOverride]
    webhook_url: str | None


class OnCall(BaseModel):
    rota_id: UUID
    at: datetime
    people: list[Person]


class TeamList(Listing):
    q: Words = None
    purpose: Literal["service_management"] | None = None
    sort: str = order("name")


class RotaList(Listing):
    q: Words = None
    purpose: Literal["duty_manager", "on_call"] | None = None
    sort: str = order("name")


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

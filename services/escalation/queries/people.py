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
from libs.kit.people import NamedPerson
from libs.store import Transaction
from services.escalation.model.layer import Layer
from services.escalation.model.people import Team
from services.escalation.model.rota import Rota, RotaOverride
from services.escalation.queries.our_people import known, named

router = Router(tags=["people"])


class TeamOut(Out):
    id: UUID
    name: str
    purpose: Literal["service_management"] | None
    members: list[NamedPerson]
    webhook_url: str | None


class LayerOut(Layer):
    """A layer with the names of now."""

    people: tuple[NamedPerson, ...]  # type: ignore[assignment]


class OverrideOut(RotaOverride):
    """An override with the name of now."""

    person: NamedPerson


class RotaOut(Out):
    id: UUID
    name: str
    purpose: Literal["duty_manager", "on_call"]
    layers: list[LayerOut]
    overrides: list[OverrideOut]
    webhook_url: str | None


class OnCall(BaseModel):
    rota_id: UUID
    at: datetime
    people: list[NamedPerson]


async def team_out(team: Team, tx: Transaction) -> TeamOut:
    return TeamOut.model_validate({**vars(team), "members": await named(team.members, tx)})


async def rota_out(rota: Rota, tx: Transaction) -> RotaOut:
    who = await known(rota.people, tx)
    layers = [{**each.model_dump(), "people": [NamedPerson.of(id, who) for id in each.people]} for each in rota.layers]
    overrides = [{**each.model_dump(), "person": NamedPerson.of(each.person_id, who)} for each in rota.overrides]
    return RotaOut.model_validate({**vars(rota), "layers": layers, "overrides": overrides})


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
    return await listed(tx, Team, asked, out=lambda team: team_out(team, tx))


@router.get("/v1/teams/{team_id}", dependencies=[allow(*STAFF)])
async def get_team_route(team_id: UUID, tx: Tx) -> TeamOut:
    return await team_out(await Team.get(team_id, tx), tx)


@router.get("/v1/rotas", dependencies=[allow(*STAFF)])
async def list_rotas_route(tx: Tx, asked: Annotated[RotaList, Query()]) -> Page[RotaOut]:
    return await listed(tx, Rota, asked, out=lambda rota: rota_out(rota, tx))


@router.get("/v1/rotas/{rota_id}", dependencies=[allow(*STAFF)])
async def get_rota_route(rota_id: UUID, tx: Tx) -> RotaOut:
    return await rota_out(await Rota.get(rota_id, tx), tx)


@router.get("/v1/rotas/{rota_id}/on-call", dependencies=[allow(*STAFF)])
async def get_on_call_route(rota_id: UUID, tx: Tx, at: AwareDatetime | None = None) -> OnCall:
    """Who is on call at an instant; now, unless told. A `+` in the instant's offset is written %2B."""
    when = at or tx.now
    on_call = (await Rota.get(rota_id, tx)).on_call(when)
    return OnCall(rota_id=rota_id, at=when, people=await named(on_call, tx))

"""Teams, and rotas with who is on call."""

from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from libs.kit.auth import STAFF
from libs.kit.calendar import CalendarData
from libs.kit.http import Router, Tx, allow
from libs.kit.listing import Listing, Out, listed, order
from libs.kit.names import Words
from libs.kit.paging import Page
from libs.kit.people import NamedPerson
from libs.store import NotFound, Transaction
from services.escalation.model.layer import Layer, When
from services.escalation.model.override import Change, Override
from services.escalation.model.people import Team
from services.escalation.model.rota import Rota
from services.escalation.model.settings import policies
from services.escalation.queries.our_people import known, named
from services.escalation.queries.rosters import roster

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


class OverrideOut(Out):
    """Somebody stands in, under the name of now. `layer` None: in all of them; `replaces` None: for whoever has the turn."""

    id: UUID
    rota_id: UUID
    layer: str | None
    starts: datetime
    ends: datetime
    person: NamedPerson
    replaces: NamedPerson | None
    reason: str
    by: str
    created_at: datetime
    swap_id: UUID | None
    removed_at: datetime | None
    history: list[Change]


class RotaOut(Out):
    """`overrides` are those that are not over, the oldest first; the rota's list of them has all."""

    id: UUID
    name: str
    purpose: Literal["duty_manager", "on_call"]
    layers: list[LayerOut]
    overrides: list[OverrideOut]
    webhook_url: str | None
    hours: CalendarData | None


class GapOut(Out):
    """A stretch, the end outside, in which somebody is to be on call and nobody is."""

    starts: datetime
    ends: datetime


class RotaWithGaps(RotaOut):
    """`gaps` are those of the next days, as many as the policy's `gap_days`."""

    gaps: list[GapOut]


class OnCall(BaseModel):
    rota_id: UUID
    at: datetime
    people: list[NamedPerson]


async def team_out(team: Team, tx: Transaction) -> TeamOut:
    return TeamOut.model_validate({**vars(team), "members": await named(team.members, tx)})


async def rota_out(rota: Rota, tx: Transaction) -> RotaOut:
    standing = await tx.select(
        Override, Override.c.rota_id == rota.id, Override.c.ends > tx.now, Override.c.removed_at.is_(None)
    )
    who = await known(rota.people, tx)
    layers = [{**each.model_dump(), "people": [NamedPerson.of(id, who) for id in each.people]} for each in rota.layers]
    overrides = [await override_out(each, tx) for each in standing]
    return RotaOut.model_validate({**vars(rota), "layers": layers, "overrides": overrides})


async def rota_with_gaps(rota: Rota, tx: Transaction) -> RotaWithGaps:
    until = tx.now + timedelta(days=(await policies.at(tx)).gap_days)
    gaps = (await roster(rota, tx, tx.now, until)).gaps(tx.now, until)
    return RotaWithGaps(**dict(await rota_out(rota, tx)), gaps=[GapOut.model_validate(gap) for gap in gaps])


async def override_out(override: Override, tx: Transaction) -> OverrideOut:
    who = await known((override.person_id, override.replaces), tx)
    names = {
        "person": NamedPerson.of(override.person_id, who),
        "replaces": override.replaces and NamedPerson.of(override.replaces, who),
    }
    return OverrideOut.model_validate({**vars(override), **names})


class TeamList(Listing):
    q: Words = None
    purpose: Literal["service_management"] | None = None
    sort: str = order("name")


class RotaList(Listing):
    q: Words = None
    purpose: Literal["duty_manager", "on_call"] | None = None
    sort: str = order("name")


async def override_of(rota_id: UUID, id: UUID, tx: Transaction, *, lock: bool = False) -> Override:
    """Raises NotFound, also for another rota's."""
    override = await Override.get(id, tx, lock=lock)
    if override.rota_id != rota_id:
        raise NotFound("override", id)
    return override


class OverrideList(Listing):
    sort: str = order("-starts")


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
async def get_rota_route(rota_id: UUID, tx: Tx) -> RotaWithGaps:
    return await rota_with_gaps(await Rota.get(rota_id, tx), tx)


@router.get("/v1/rotas/{rota_id}/overrides", dependencies=[allow(*STAFF)])
async def list_overrides_route(rota_id: UUID, tx: Tx, asked: Annotated[OverrideList, Query()]) -> Page[OverrideOut]:
    """Also those that are over or were removed, with what was done to them, when, by whom and why."""
    await Rota.get(rota_id, tx)
    rows = [Override.c.rota_id == rota_id]
    return await listed(tx, Override, asked, rows, out=lambda each: override_out(each, tx))


@router.get("/v1/rotas/{rota_id}/overrides/{override_id}", dependencies=[allow(*STAFF)])
async def get_override_route(rota_id: UUID, override_id: UUID, tx: Tx) -> OverrideOut:
    return await override_out(await override_of(rota_id, override_id, tx), tx)


@router.get("/v1/rotas/{rota_id}/on-call", dependencies=[allow(*STAFF)])
async def get_on_call_route(rota_id: UUID, tx: Tx, at: When | None = None) -> OnCall:
    """Who is on call at an instant; now, unless told. A `+` in the instant's offset is written %2B."""
    when = at or tx.now
    on_call = (await roster(await Rota.get(rota_id, tx), tx, when)).on_call(when)
    return OnCall(rota_id=rota_id, at=when, people=await named(on_call, tx))

"""Rotas: whose turn it is, and who stands in."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.kit.auth import ENGINEERS, MANAGERS
from libs.kit.fields import Line
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.escalation.model.people import known_there
from services.escalation.model.rota import NewLayer, NewOverride, Rota, RotaOverride
from services.escalation.queries.people import RotaOut
from services.escalation.use_cases.keep_teams import WebhookUrl

router = Router(tags=["people"])


class RotaFields(Command):
    name: Line
    purpose: Literal["duty_manager", "on_call"] = "on_call"
    layers: Annotated[list[NewLayer], Field(min_length=1, max_length=20)]
    webhook_url: WebhookUrl | None = None


class CreateRota(New, RotaFields):
    """Whose turn it is, layer by layer."""


class ChangeRota(Patch, RotaFields):
    """Who is known there already keeps their id."""


@router.post("/v1/rotas", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_rota_route(cmd: CreateRota, tx: Tx) -> RotaOut:
    return RotaOut.model_validate(cmd.make(Rota, tx))


@router.patch("/v1/rotas/{rota_id}", dependencies=[allow(*MANAGERS)])
async def change_rota_route(rota_id: UUID, cmd: ChangeRota, tx: Tx) -> RotaOut:
    rota = await Rota.get(rota_id, tx, lock=True)
    cmd.apply_to(rota, context={"ids": known_there(rota, cmd)})
    return RotaOut.model_validate(rota)


@router.post("/v1/rotas/{rota_id}/overrides", status_code=201, dependencies=[allow(*ENGINEERS)])
async def add_override_route(rota_id: UUID, cmd: NewOverride, tx: Tx, caller: Caller) -> RotaOut:
    """Somebody stands in; the newest override that covers an instant wins. `by` is who asked."""
    rota = await Rota.get(rota_id, tx, lock=True)
    said = {**cmd.model_dump(), "by": caller.actor}
    override = RotaOverride.model_validate(said, context={"ids": known_there(rota, cmd)})
    rota.overrides = [*rota.overrides, override]
    return RotaOut.model_validate(rota)

"""Rotas: whose turn it is, and who stands in."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from libs.kit.auth import ENGINEERS, MANAGERS
from libs.kit.fields import Line
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.escalation.model.layer import NewLayer
from services.escalation.model.rota import NewOverride, Rota, RotaOverride
from services.escalation.queries.our_people import must_be_ours
from services.escalation.queries.people import RotaOut, rota_out
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
    """Whose turn it is from now on."""


@router.post("/v1/rotas", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_rota_route(cmd: CreateRota, tx: Tx) -> RotaOut:
    await must_be_ours([id for layer in cmd.layers for id in layer.people], tx, "layers")
    return await rota_out(cmd.make(Rota, tx), tx)


@router.patch("/v1/rotas/{rota_id}", dependencies=[allow(*MANAGERS)])
async def change_rota_route(rota_id: UUID, cmd: ChangeRota, tx: Tx) -> RotaOut:
    await must_be_ours([id for layer in cmd.layers or () for id in layer.people], tx, "layers")
    rota = await Rota.get(rota_id, tx, lock=True)
    cmd.apply_to(rota)
    return await rota_out(rota, tx)


@router.post("/v1/rotas/{rota_id}/overrides", status_code=201, dependencies=[allow(*ENGINEERS)])
async def add_override_route(rota_id: UUID, cmd: NewOverride, tx: Tx, caller: Caller) -> RotaOut:
    """Somebody stands in; the newest override that covers an instant wins. `by` is who asked."""
    await must_be_ours([cmd.person_id], tx)
    rota = await Rota.get(rota_id, tx, lock=True)
    rota.overrides = [*rota.overrides, RotaOverride.model_validate({**cmd.model_dump(), "by": caller.actor})]
    return await rota_out(rota, tx)

"""Rotas: whose turn it is."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, field_validator

from libs.kit.auth import MANAGERS
from libs.kit.calendar import CalendarData
from libs.kit.fields import Line
from libs.kit.http import Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from services.escalation.model.layer import NewLayer
from services.escalation.model.rota import Rota
from services.escalation.queries.our_people import must_be_ours
from services.escalation.queries.people import RotaWithGaps, rota_with_gaps
from services.escalation.reactions.watch_gaps import watch_gaps
from services.escalation.use_cases.keep_teams import WebhookUrl

router = Router(tags=["people"])


class RotaFields(Command):
    name: Line
    purpose: Literal["duty_manager", "on_call"] = "on_call"
    layers: Annotated[list[NewLayer], Field(min_length=1, max_length=20)]
    webhook_url: WebhookUrl | None = None
    hours: CalendarData | None = Field(None, description="when somebody is to be on call; null: always")

    @field_validator("layers")
    @classmethod
    def _each_is_named(cls, layers: list[NewLayer] | None) -> list[NewLayer] | None:
        if layers and len({each.name for each in layers}) < len(layers):
            raise ValueError("overrides and swaps name a layer: each has a name of its own")
        return layers


class CreateRota(New, RotaFields):
    """Whose turn it is, layer by layer."""


class ChangeRota(Patch, RotaFields):
    """Whose turn it is from now on."""


@router.post("/v1/rotas", status_code=201, dependencies=[allow(*MANAGERS)])
async def create_rota_route(cmd: CreateRota, tx: Tx) -> RotaWithGaps:
    """`gaps` warns of those of the next days."""
    await must_be_ours([id for layer in cmd.layers for id in layer.people], tx, "layers")
    rota = cmd.make(Rota, tx)
    await watch_gaps(rota, tx)
    return await rota_with_gaps(rota, tx)


@router.patch("/v1/rotas/{rota_id}", dependencies=[allow(*MANAGERS)])
async def change_rota_route(rota_id: UUID, cmd: ChangeRota, tx: Tx) -> RotaWithGaps:
    """`gaps` warns of those of the next days."""
    await must_be_ours([id for layer in cmd.layers or () for id in layer.people], tx, "layers")
    rota = await Rota.get(rota_id, tx, lock=True)
    cmd.apply_to(rota)
    await watch_gaps(rota, tx)
    return await rota_with_gaps(rota, tx)

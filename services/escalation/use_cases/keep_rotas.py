"""Rotas: whose turn it is, and who stands in."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import Field

from libs.kit.auth import ENGINEERS, MANAGERS
from libs.kit.fields import Line
from libs.kit.http import Caller, Command, Router, Tx, allow
from services.escalation.model.rota import NewLayer, NewOverride, Override, Rota
from services.escalation.queries.people import RotaOut
from services.escalation.use_cases.keep_teams import WebhookUrl
from services.escalation.use_cases.revise import Revision, known_there, made, revise

router = Router(tags=["people"])

Layers = Annotated[list[NewLayer], Field(min_length=1, max_length=20)]


class AddRota(Command):
    name: Line
    purpose: Literal["duty_manager", "on_call"] = "on_call"
    layers: Layers
    webhook_url: WebhookUrl | None = None


class ReviseRota(Revision):
    clearable: ClassVar[frozenset[str]] = frozenset({"webhook_url"})

    name: Line | None = None
    purpose: Literal["duty_manager", "on_call"] | None = None
    layers: Layers | None = None
    webhook_url: WebhookUrl | None = None


@router.post("/v1/rotas", status_code=201, dependencies=[allow(*MANAGERS)])
async def add_rota(cmd: AddRota, tx: Tx) -> RotaOut:
    return RotaOut.model_validate(tx.add(made(Rota, cmd)))


@router.patch("/v1/rotas/{rota_id}", dependencies=[allow(*MANAGERS)])
async def revise_rota(rota_id: UUID, cmd: ReviseRota, tx: Tx) -> RotaOut:
    rota = await Rota.get(rota_id, tx, lock=True)
    revise(rota, cmd)
    return RotaOut.model_validate(rota)


@router.post("/v1/rotas/{rota_id}/overrides", status_code=201, dependencies=[allow(*ENGINEERS)])
async def add_override(rota_id: UUID, cmd: NewOverride, tx: Tx, caller: Caller) -> RotaOut:
    """Somebody stands in; the newest override that covers an instant wins. `by` is who asked."""
    rota = await Rota.get(rota_id, tx, lock=True)
    said = {**cmd.model_dump(), "by": caller.scope.actor}
    override = Override.model_validate(said, context={"ids": known_there(rota, cmd)})
    rota.overrides = [*rota.overrides, override]
    return RotaOut.model_validate(rota)

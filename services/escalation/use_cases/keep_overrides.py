"""Who stands in: for one person or for all, in one layer or in all; changed while it is to come, ended once it has begun."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import model_validator

from libs.kit.auth import ENGINEERS
from libs.kit.fields import Line, Text
from libs.kit.http import Caller, Command, Router, Tx, allow
from libs.kit.patch import New, Patch
from libs.kit.problems import Unprocessable
from libs.store import Transaction
from services.escalation.model.layer import When
from services.escalation.model.override import Override, OverrideHasBegun
from services.escalation.model.rota import Rota
from services.escalation.queries.our_people import must_be_ours
from services.escalation.queries.people import OverrideOut, override_of, override_out
from services.escalation.queries.rosters import roster
from services.escalation.reactions.watch_gaps import watch_gaps

router = Router(tags=["people"])
_CHANGED_WHILE_IT_HOLDS = {"ends", "reason"}


class NotAStretch(Unprocessable):
    """An override ends after it starts; one that has begun cannot have ended before now."""


class OverrideFields(Command):
    starts: When
    ends: When
    person_id: UUID
    layer: Line | None = None
    replaces: UUID | None = None
    reason: Text


class AddOverride(New, OverrideFields):
    """Somebody stands in, for one person or for everybody, until the end (outside)."""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.ends <= self.starts:
            raise ValueError("an override ends after it starts")
        return self


class ChangeOverride(Patch, OverrideFields):
    """What has begun can end earlier or later, and get another reason."""


async def must_fit(rota: Rota, override: Override, tx: Transaction) -> None:
    """Raises NotAStretch, NoSuchLayer, NotInTheRota."""
    if override.ends <= override.starts:
        raise NotAStretch("An override ends after it starts.", field="ends")
    found = await roster(rota, tx, override.starts, override.ends)
    if override.layer is not None:
        found.layer(override.layer)
    if override.replaces is not None:
        found.must_have(override.replaces, override.layer)


def change(override: Override, cmd: ChangeOverride, at: datetime, by: str) -> None:
    """Raises OverrideIsOver, PartOfASwap, OverrideHasBegun, NotAStretch."""
    override.must_not_be_over(at)
    override.must_stand_alone()
    begun = override.starts <= at
    before: dict[str, Any] = {name: getattr(override, name) for name in OverrideFields.model_fields}
    changed = cmd.apply_to(override)
    if begun and (fixed := [name for name in changed if name not in _CHANGED_WHILE_IT_HOLDS]):
        raise OverrideHasBegun(
            "Somebody is on call by it: end it now, and make another one.", fields=fixed, possible=["end", "remove"]
        )
    if begun and override.ends < at:
        raise NotAStretch("Who was on call until now stays on record; it can end from now on.", field="ends")
    if changed:
        override.note(f"changed {', '.join(changed)}; before: {_said(before, changed)}", at, by, override.reason)


def _said(before: dict[str, Any], changed: list[str]) -> str:
    return ", ".join(f"{name} {before[name]}" for name in changed if name != "reason") or "another reason"


@router.post("/v1/rotas/{rota_id}/overrides", status_code=201, dependencies=[allow(*ENGINEERS)])
async def add_override_route(rota_id: UUID, cmd: AddOverride, tx: Tx, caller: Caller) -> OverrideOut:
    """Somebody stands in; the newest override that holds wins. `by` is who asked."""
    await must_be_ours([cmd.person_id], tx)
    rota = await Rota.get(rota_id, tx, lock=True)
    override = cmd.make(Override, tx, rota_id=rota.id, by=caller.actor)
    await must_fit(rota, override, tx)
    await watch_gaps(rota, tx)
    return await override_out(override, tx)


@router.patch("/v1/rotas/{rota_id}/overrides/{override_id}", dependencies=[allow(*ENGINEERS)])
async def change_override_route(
    rota_id: UUID, override_id: UUID, cmd: ChangeOverride, tx: Tx, caller: Caller
) -> OverrideOut:
    if "person_id" in cmd.model_fields_set:
        await must_be_ours([cmd.person_id], tx)
    rota = await Rota.get(rota_id, tx, lock=True)
    override = await override_of(rota_id, override_id, tx, lock=True)
    change(override, cmd, tx.now, caller.actor)
    await must_fit(rota, override, tx)
    await watch_gaps(rota, tx)
    return await override_out(override, tx)


@router.delete("/v1/rotas/{rota_id}/overrides/{override_id}", status_code=204, dependencies=[allow(*ENGINEERS)])
async def remove_override_route(
    rota_id: UUID, override_id: UUID, tx: Tx, caller: Caller, why: Text | None = None
) -> None:
    """It never held, or ends now when it has begun; it stays in the rota's list of overrides."""
    rota = await Rota.get(rota_id, tx, lock=True)
    override = await override_of(rota_id, override_id, tx, lock=True)
    override.must_stand_alone()
    override.remove(tx.now, caller.actor, why)
    await watch_gaps(rota, tx)

"""The chain of custody of a serial: every unit that carries it, every hand, and the RMAs that it was part of."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Path

from libs.kit.auth import DEPOT_READERS, Principal
from libs.kit.fields import Serial
from libs.kit.http import Caller, Router, Tx, allow
from libs.kit.listing import Out
from libs.kit.rows import Rows
from services.rma.model.custody import Handover, NoSuchSerial, Place, TrackedUnit, units_with
from services.rma.model.rma import Rma
from services.rma.model.rma_values import OutboundState, ReturnState
from services.rma.queries.access import visible_to

router = Router(tags=["serials"])
Part = Literal["failed", "sent", "awaited_back", "returned"]


class UnitOut(Out):
    """A unit: a part number and a serial. `depot_id` is where it is, or was last."""

    part_number: str
    serial: str
    place: Place
    depot_id: UUID | None
    rma_id: UUID | None
    chain: list[Handover]
    moved_at: datetime


class RmaOfSerial(Out):
    """An RMA, and what the serial is in it."""

    id: UUID
    number: str
    case_id: UUID
    case_number: str | None
    part_number: str | None
    state: OutboundState
    return_state: ReturnState
    it_is: list[Part]
    created_at: datetime


class SerialOut(Out):
    """Several parts may carry one serial."""

    serial: str
    units: list[UnitOut]
    rmas: list[RmaOfSerial]


def units_visible_to(caller: Principal) -> Rows:
    """A depot sees what is with it, or was last."""
    return [TrackedUnit.c.depot_id.in_(caller.depots)] if caller.role == "depot" else []


@router.get("/v1/serials/{serial}", dependencies=[allow(*DEPOT_READERS)])
async def get_serial_route(serial: Annotated[Serial, Path()], tx: Tx, caller: Caller) -> SerialOut:
    """Where the units with this serial are and were, and the RMAs in which one failed, was sent, is awaited or came back."""
    units = await units_with(serial, tx, *units_visible_to(caller))
    named = (Rma.c.serial, Rma.c.shipped_serial, Rma.c.received_serial)
    found = {
        rma.id: rma
        for column in named
        for rma in await tx.select(Rma, column == serial, *visible_to(caller), limit=200)
    }
    rmas = sorted(found.values(), key=lambda rma: (rma.created_at, rma.id))
    if not units and not rmas:
        raise NoSuchSerial("Nobody has scanned this serial here.")
    shown = [RmaOfSerial.model_validate({**vars(rma), "it_is": list(_is(rma, serial))}) for rma in rmas]
    return SerialOut(serial=serial, units=[UnitOut.model_validate(unit) for unit in units], rmas=shown)


def _is(rma: Rma, serial: str) -> Iterator[Part]:
    said: dict[Part, str | None] = {
        "failed": rma.serial,
        "sent": rma.shipped_serial,
        "awaited_back": rma.return_serial,
        "returned": rma.received_serial,
    }
    yield from (part for part, its in said.items() if its == serial)

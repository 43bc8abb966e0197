"""The chain of custody: each unit that carries a serial, where it is now, and every hand it went through.

A serial alone is not unique, so a unit is a part number and a serial. Units are known from the first scan on: what came in without
scans is counted in the stock alone, and is known when it is picked or shipped.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel

from libs.events.values import Instant
from libs.kit.problems import Conflict, Missing
from libs.store import Entity, Transaction
from libs.store.ids import derived
from services.rma.model.rma import Rma

Place = Literal[
    "in_stock", "picked", "shipped", "installed", "coming_back", "returned", "quarantined", "missing", "scrapped"
]
Hand = Literal[
    "goods_in",
    "transferred",
    "picked",
    "shipped",
    "installed",
    "lost",
    "refused",
    "returned",
    "restocked",
    "set_aside",
    "short_picked",
    "found",
    "scrapped",
]
OUT: frozenset[Place] = frozenset({"shipped", "installed"})
"""With a carrier or a customer: such a unit cannot be on a shelf until it has come back."""
_UNITS = UUID("0192d000-0000-7000-8000-00000000f5e1")
_AWAY: frozenset[Place] = frozenset({"coming_back", "returned", "quarantined", "missing", "scrapped"})


class SerialIsOut(Conflict):
    """Two units do not carry one serial: one of the two scans is wrong, or the unit came back unrecorded."""

    title = "That serial is out already"


class NoSuchSerial(Missing):
    """Nobody has scanned it, or the caller may not see where it is."""


class SerialThere(Conflict):
    title = "That serial is in stock already"


class NotToBeSent(Conflict):
    title = "That unit is not to be sent"


class FailedUnitsSerial(Conflict):
    title = "That is the failed unit's own serial"


class AnotherPartScanned(Conflict):
    title = "Another part was scanned"


class Handover(BaseModel):
    """One link of the chain."""

    what: Hand
    at: Instant
    by: str
    depot_id: UUID | None = None
    rma_id: UUID | None = None


class TrackedUnit(Entity, table="tracked_units", unique=(("part_number", "serial"),), indexes=("serial", "rma_id")):
    """`depot_id`: where it is, or was last. `rma_id`: for which it is picked or out, or was last."""

    part_number: str
    serial: str
    place: Place
    depot_id: UUID | None
    rma_id: UUID | None
    chain: list[Handover]
    moved_at: datetime

    def hand_over(
        self, what: Hand, place: Place, tx: Transaction, *, depot_id: UUID | None = None, rma_id: UUID | None = None
    ) -> None:
        """Goes on to another hand; the depot and the RMA stay unless others are named."""
        self.place, self.moved_at = place, tx.now
        self.depot_id, self.rma_id = depot_id or self.depot_id, rma_id or self.rma_id
        link = Handover(what=what, at=tx.now, by=tx.scope.actor, depot_id=depot_id, rma_id=rma_id)
        self.chain = [*self.chain, link]

    def is_out(self) -> SerialIsOut:
        """The refusal of a scan of it."""
        return SerialIsOut(
            f"{self.serial} is {self.place}: it has to come back before it can be on a shelf.",
            part_number=self.part_number,
            rma_id=str(self.rma_id) if self.rma_id else None,
        )


def unit_id(part_number: str, serial: str) -> UUID:
    """The pair's own, so that two scans meet in one row."""
    return derived(derived(_UNITS, part_number), serial)


async def tracked(part_number: str, serial: str, tx: Transaction) -> TrackedUnit:
    """The locked unit; one that nobody scanned before begins its chain here."""
    id = unit_id(part_number, serial)
    return await TrackedUnit.find(id, tx, lock=True) or tx.add(
        TrackedUnit(
            id=id,
            part_number=part_number,
            serial=serial,
            place="in_stock",
            depot_id=None,
            rma_id=None,
            chain=[],
            moved_at=tx.now,
        )
    )


async def take_in(part_number: str, serials: list[str], depot_id: UUID, tx: Transaction) -> None:
    """They came into the depot. Raises SerialIsOut, SerialThere."""
    for serial in sorted(serials):
        unit = await tracked(part_number, serial, tx)
        if unit.place in OUT:
            raise unit.is_out()
        if unit.chain and unit.place not in ("scrapped", "missing", "coming_back"):
            raise SerialThere(f"{serial} is {unit.place}.", part_number=part_number, depot_id=str(unit.depot_id))
        unit.hand_over("goods_in", "in_stock", tx, depot_id=depot_id)


async def unit_for(rma: Rma, serial: str, depot_id: UUID, tx: Transaction) -> TrackedUnit:
    """The unit that is to leave the depot for this RMA, locked. Raises FailedUnitsSerial, SerialIsOut, NotToBeSent."""
    if serial == rma.serial:
        raise FailedUnitsSerial(f"{serial} is what failed at the customer's; scan the replacement.", serial=serial)
    unit = await tracked(rma.sent_part, serial, tx)
    if unit.place in OUT:
        raise unit.is_out()
    if unit.place in _AWAY:
        raise NotToBeSent(f"{serial} is {unit.place}; book it back first.", place=unit.place)
    if unit.place == "picked" and unit.rma_id != rma.id and unit.rma_id:
        other = await Rma.find(unit.rma_id, tx)
        if other and other.state == "reserved" and (other.depot_id, other.sent_part) == (depot_id, unit.part_number):
            raise NotToBeSent(f"{serial} is picked for {other.number}.", place=unit.place, rma_id=str(other.id))
    return unit


async def picked_for(rma: Rma, depot_id: UUID, tx: Transaction) -> TrackedUnit | None:
    """What was picked for it and is still in the depot that keeps its part, locked."""
    return await tx.first(
        TrackedUnit,
        TrackedUnit.c.rma_id == rma.id,
        TrackedUnit.c.place == "picked",
        TrackedUnit.c.depot_id == depot_id,
        TrackedUnit.c.part_number == rma.sent_part,
        lock=True,
    )


async def note_hand(rma: Rma, serial: str | None, what: Hand, place: Place, tx: Transaction) -> None:
    """Somebody else than a depot says where the unit is that was sent: recorded, whatever was known before."""
    if serial and (unit := await TrackedUnit.find(unit_id(rma.sent_part, serial), tx, lock=True)):
        unit.hand_over(what, place, tx, rma_id=rma.id)


async def take_back(
    part_number: str, serial: str, what: Hand, place: Place, rma: Rma, depot_id: UUID, tx: Transaction
) -> None:
    """It is in a depot again, or for the first time."""
    unit = await tracked(part_number, serial, tx)
    unit.hand_over(what, place, tx, depot_id=depot_id, rma_id=rma.id)


async def units_with(serial: str, tx: Transaction, *rows: sa.ColumnElement[bool]) -> list[TrackedUnit]:
    """Every part that carries this serial."""
    return await tx.select(TrackedUnit, TrackedUnit.c.serial == serial, *rows, order_by=(TrackedUnit.c.part_number,))

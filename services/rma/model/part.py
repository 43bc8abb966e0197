"""The parts catalogue: what fits where, what may stand in for it, and what has to be known to ship it and to get it back."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from libs.events.labels import ProductNumber
from libs.events.values import Money
from libs.kit.names import Found
from libs.kit.problems import Unprocessable
from libs.store import Entity, Transaction


class Fit(BaseModel):
    """A product the part goes into; no revisions means all of them."""

    model_config = ConfigDict(extra="forbid")

    product_number: ProductNumber
    hardware_revisions: list[str] = []

    def admits(self, product_number: str, hardware_revision: str | None) -> bool:
        """Whether this unit is one of these, as far as its revision is known."""
        known = hardware_revision is not None and bool(self.hardware_revisions)
        return self.product_number == product_number and (not known or hardware_revision in self.hardware_revisions)


class Part(Found, Entity, table="parts", unique=("part_number",), indexes=(("sort_key", "id"),)):
    """One entry of the catalogue."""

    searched = ("part_number", "name")

    part_number: str
    name: str
    component: str
    whole_unit: bool
    # Of a whole unit: the product that it is.
    product_number: str | None
    # None: it is not bound to a product.
    fits: list[Fit]
    # Part numbers, the preferred first.
    substitutes: list[str]
    serialised: bool
    returnable: bool
    # It holds a lithium battery.
    hazardous: bool
    list_price: Money | None
    active: bool

    def fits_in(self, product_number: str | None, hardware_revision: str | None) -> bool:
        """Whether it goes into this unit, as far as is known of either."""
        if not self.fits or product_number is None:
            return True
        return any(fit.admits(product_number, hardware_revision) for fit in self.fits)


class Unit(NamedTuple):
    """What a part goes into, as far as it is known."""

    product_number: str | None
    hardware_revision: str | None


class NotInCatalogue(Unprocessable):
    title = "The catalogue has no such part"

    @staticmethod
    def numbered(part_number: str) -> "NotInCatalogue":
        """Says which."""
        return NotInCatalogue(f"The catalogue has no part {part_number}.")


class DoesNotFit(Unprocessable):
    title = "The part does not fit"


async def part_numbered(part_number: str, tx: Transaction) -> Part | None:
    """The catalogue's entry."""
    return await tx.first(Part, Part.c.part_number == part_number)


async def choose_part(
    wanted: Part | None, component: str, *, whole_unit: bool, unit: Unit, tx: Transaction
) -> Part | None:
    """The part asked for where it, or what stands in for it, can be sent, else the first that fits; None when nothing does."""
    if wanted and wanted.fits_in(*unit) and await sendable(wanted, unit, tx):
        return wanted
    if unit.product_number is None:
        return None
    alike: Iterable[Part] = await tx.select(
        Part, Part.c.active, Part.c.whole_unit == whole_unit, order_by=(Part.c.part_number,)
    )
    if whole_unit:
        itself = [part for part in alike if part.product_number == unit.product_number]
    else:
        itself = [part for part in alike if part.fits and part.component.casefold() == component.casefold()]
    return next((part for part in itself if part.fits_in(*unit)), None)


async def sendable(wanted: Part, unit: Unit, tx: Transaction) -> list[str]:
    """The part, then its substitutes in order: those that are in use and go into the unit."""
    found = {part.part_number: part for part in await tx.select(Part, Part.c.part_number.in_(wanted.substitutes))}
    in_order = [wanted, *(found[number] for number in wanted.substitutes if number in found)]
    return list(dict.fromkeys(each.part_number for each in in_order if each.active and each.fits_in(*unit)))

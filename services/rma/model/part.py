"""The parts catalogue: what fits where, what may stand in for it, and what has to be known to ship it and to get it back."""

from collections.abc import Iterable
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from libs.events.labels import ProductNumber
from libs.events.values import Money
from libs.kit.names import Found
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


class Chosen(NamedTuple):
    """The part number to send, with its entry in the catalogue where there is one."""

    part_number: str
    part: Part | None


async def part_numbered(part_number: str, tx: Transaction) -> Part | None:
    """The catalogue's entry."""
    return await tx.first(Part, Part.c.part_number == part_number)


async def choose_part(
    tx: Transaction,
    *,
    wanted: str | None,
    component: str,
    whole_unit: bool,
    product_number: str | None,
    hardware_revision: str | None,
) -> Chosen | None:
    """The part asked for where it fits or is unknown here, else the first that fits; None when nothing does."""
    named = await part_numbered(wanted, tx) if wanted else None
    if wanted and (named is None or named.fits_in(product_number, hardware_revision)):
        return Chosen(wanted, named)
    if product_number is None:
        return None
    alike: Iterable[Part] = await tx.select(
        Part, Part.c.active, Part.c.whole_unit == whole_unit, order_by=(Part.c.part_number,)
    )
    if whole_unit:
        itself = [part for part in alike if part.product_number == product_number]
    else:
        itself = [part for part in alike if part.fits and part.component.casefold() == component.casefold()]
    fitting = (Chosen(part.part_number, part) for part in itself if part.fits_in(product_number, hardware_revision))
    return next(fitting, None)


async def in_order_of_preference(part_number: str, tx: Transaction) -> list[str]:
    """The part, then its substitutes."""
    part = await part_numbered(part_number, tx)
    return list(dict.fromkeys([part_number, *(part.substitutes if part else [])]))

"""How many of a part a depot has, how many of these are kept for an RMA, and every movement that made it so."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import sqlalchemy as sa

from libs.kit.problems import Conflict
from libs.store import Entity, Transaction
from libs.store.ids import derived, new_id

Movement = Literal[
    "goods_in",
    "count",
    "transfer_out",
    "transfer_in",
    "quarantine",
    "unquarantine",
    "scrap",
    "into_quarantine",
    "reserve",
    "release",
    "ship",
    "restock",
    "short_pick",
    "found",
]


OFF_SHELF: frozenset[Movement] = frozenset({"reserve", "release", "scrap", "into_quarantine"})
SERVE_BACKORDERS = "serve_backorders"
"""The timer that wakes a stock row, of which something is free."""


class NotEnoughStock(Conflict):
    """`available` is what is neither kept for an RMA nor set aside."""

    title = "Not enough stock"


class StockMovement(Entity, table="stock_movements", indexes=(("stock_id", "id"), "rma_id")):
    """One change of a stock row. `quantity` is how many more are on the shelf; of those kinds that change nothing there (`OFF_SHELF`),
    how many were kept for an RMA, given back, scrapped out of quarantine, or came into it."""

    stock_id: UUID
    kind: Movement
    quantity: int
    rma_id: UUID | None
    by: str
    reason: str
    at: datetime


class Stock(Entity, table="stock", unique=(("depot_id", "part_number"),), indexes=(("part_number", "id"),)):
    """One row for each depot and part. `reserved` never exceeds `on_hand`; `quarantined` is counted apart from both."""

    depot_id: UUID
    part_number: str
    on_hand: int
    reserved: int
    quarantined: int
    reorder_point: int

    @property
    def available(self) -> int:
        """How many can still be kept for an RMA or moved away."""
        return self.on_hand - self.reserved

    def reserve(self, rma_id: UUID, tx: Transaction) -> None:
        """Keeps one for this RMA."""
        self._need(1)
        self.reserved += 1
        self._record("reserve", 1, tx, "kept for an RMA", rma_id)

    def release(self, rma_id: UUID, reason: str, tx: Transaction) -> None:
        """Gives back what was kept."""
        self.reserved -= 1
        self._record("release", 1, tx, reason, rma_id)

    def ship(self, rma_id: UUID, tx: Transaction) -> None:
        """The one that was kept leaves the depot."""
        self.reserved -= 1
        self.on_hand -= 1
        self._record("ship", -1, tx, "shipped", rma_id)

    def short_pick(self, rma_id: UUID, reason: str, tx: Transaction) -> None:
        """The one that was kept is not there, or not to be sent: it is set aside until somebody has looked."""
        self.reserved -= 1
        self.on_hand -= 1
        self.quarantined += 1
        self._record("short_pick", -1, tx, reason, rma_id)

    def turn_up(self, rma_id: UUID, tx: Transaction) -> None:
        """What was missing is there again. Raises NotEnoughStock when the quarantine was emptied meanwhile."""
        if self.quarantined < 1:
            raise NotEnoughStock("Nothing is set aside here any more; count the shelf instead.", quarantined=0)
        self.quarantined -= 1
        self.on_hand += 1
        self._record("found", 1, tx, "found again", rma_id)

    def add(
        self, quantity: int, tx: Transaction, reason: str, *, kind: Movement = "goods_in", rma_id: UUID | None = None
    ) -> None:
        """More of it came in."""
        self.on_hand += quantity
        self._record(kind, quantity, tx, reason, rma_id)

    def take(self, quantity: int, tx: Transaction, reason: str) -> None:
        """Some of what is free goes to another depot."""
        self._need(quantity)
        self.on_hand -= quantity
        self._record("transfer_out", -quantity, tx, reason)

    def count(self, counted: int, tx: Transaction, reason: str) -> None:
        """What is really on the shelf. Fewer than are kept for RMAs cannot be entered: release one first."""
        if counted < self.reserved:
            raise NotEnoughStock(
                f"{self.reserved} are kept for RMAs: report a short pick of those that are not there before counting {counted}.",
                reserved=self.reserved,
            )
        difference, self.on_hand = counted - self.on_hand, counted
        self._record("count", difference, tx, reason)

    def quarantine(
        self, quantity: int, tx: Transaction, reason: str, *, from_shelf: bool = True, rma_id: UUID | None = None
    ) -> None:
        """Sets some aside: off the shelf, or as they come back."""
        if from_shelf:
            self._need(quantity)
            self.on_hand -= quantity
        self.quarantined += quantity
        kind: Movement = "quarantine" if from_shelf else "into_quarantine"
        self._record(kind, -quantity if from_shelf else quantity, tx, reason, rma_id)

    def unquarantine(self, quantity: int, tx: Transaction, reason: str, *, back_to_shelf: bool) -> None:
        """Ends the quarantine of some: good again, or gone for good."""
        if quantity > self.quarantined:
            raise NotEnoughStock(f"Only {self.quarantined} are in quarantine.", quarantined=self.quarantined)
        self.quarantined -= quantity
        self.on_hand += quantity if back_to_shelf else 0
        self._record("unquarantine" if back_to_shelf else "scrap", quantity, tx, reason)

    def _need(self, quantity: int) -> None:
        if quantity > self.available:
            raise NotEnoughStock(
                f"{self.available} of {self.part_number} are available here, not {quantity}.", available=self.available
            )

    def _record(self, kind: Movement, quantity: int, tx: Transaction, reason: str, rma_id: UUID | None = None) -> None:
        tx.add(
            StockMovement(
                id=new_id(),
                stock_id=self.id,
                kind=kind,
                quantity=quantity,
                rma_id=rma_id,
                by=tx.scope.actor,
                reason=reason,
                at=tx.now,
            )
        )


async def locked_stock(depot_id: UUID, part_number: str, tx: Transaction) -> Stock:
    """The locked row; a new and empty one where the depot never had the part."""
    id = derived(depot_id, part_number)
    return await Stock.find(id, tx, lock=True) or tx.add(
        Stock(id=id, depot_id=depot_id, part_number=part_number, on_hand=0, reserved=0, quarantined=0, reorder_point=0)
    )


async def locked_stock_of(parts: list[str], tx: Transaction) -> list[Stock]:
    """Every depot's row of these parts, locked in id order: who holds them decides alone where a part comes from."""
    return await tx.select(Stock, Stock.c.part_number.in_(parts), lock=True)


def offer_to_backorders(stock: Stock, tx: Transaction, at: datetime | None = None) -> None:
    """Something of this stock is free: those who wait for it are served at once, in a transaction of its own."""
    if stock.available > 0:
        tx.set_timer(stock, SERVE_BACKORDERS, at or tx.now)


sa.Index(
    "stock_below_reorder_point_idx",
    Stock.c.part_number,
    Stock.c.id,
    postgresql_where=sa.text("on_hand - reserved < reorder_point"),
)

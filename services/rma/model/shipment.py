"""A parcel with a label of ours: ordered from the carrier by a job, then followed by what the carrier tells."""

import re
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from libs.events.values import Instant
from libs.kit.problems import Conflict
from libs.kit.states import StateMachine
from libs.store import Entity, Transaction

Direction = Literal["outbound", "return"]
LabelState = Literal["awaits_address", "ordered", "bought", "refused", "void"]
_OTHER_WORDS = {
    "delivery_attempted": "attempted",
    "attempt_failed": "attempted",
    "held_by_customs": "customs_hold",
    "return_to_sender": "returned_to_sender",
}
BUY_LABEL = "buy_label"

label_machine: StateMachine[LabelState] = StateMachine(
    "The label",
    {
        "awaits_address": {"ordered", "void"},
        "ordered": {"bought", "refused", "void"},
        "bought": {"void"},
        "refused": {"bought", "void"},
    },
    initial="awaits_address",
)


class NoLabelYet(Conflict):
    """A parcel leaves with the label that was bought for it; until then the depot waits, or brings a label of its own."""

    title = "The label is not there yet"


class CarrierNews(BaseModel):
    """One notice of the carrier's. They come late, twice and in any order; `sequence` is the carrier's own.

    `status` is the carrier's word, whether or not we know it. `expected` is when the carrier now means to deliver.
    `followed`: told and acted on, which waits until the label is recorded and the part has shipped; what was said besides goes then.
    """

    webhook_id: str
    status: str
    occurred_at: Instant
    sequence: int
    text: str | None = None
    location: str | None = None
    expected: Instant | None = None
    followed: bool = False

    @property
    def word(self) -> str:
        """The status as we write it, however the carrier does."""
        word = "_".join(re.split(r"[\s_-]+", self.status.strip().lower()))
        return _OTHER_WORDS.get(word, word)


class Shipment(Entity, table="shipments", indexes=("rma_id", "tracking", "state"), unique=("reference",)):
    """`reference` is ours and unique at the carrier, so that ordering again never buys twice.

    `papers` names the customs invoice and the declaration of dangerous goods; `problem` says why the carrier refused it.
    """

    account_id: UUID
    rma_id: UUID
    direction: Direction
    reference: str
    state: LabelState = "awaits_address"
    carrier: str | None = None
    service: str
    tracking: str | None = None
    label_url: str | None = None
    planned_delivery: datetime | None = None
    papers: list[str]
    problem: str | None = None
    news: list[CarrierNews]
    created_at: datetime

    def order(self) -> None:
        """The carrier is asked for it."""
        label_machine.check(self.state, "ordered")
        self.state = "ordered"

    def bought(self, tracking: str, carrier: str, label_url: str | None, planned_delivery: datetime | None) -> None:
        """The carrier's answer; a label that was given up meanwhile stays void."""
        self.tracking, self.carrier = tracking, carrier
        self.label_url, self.planned_delivery = label_url, planned_delivery
        if self.state != "void":
            label_machine.check(self.state, "bought")
            self.state, self.problem = "bought", None

    def refused(self, reason: str) -> None:
        """The carrier does not take it; the depot can still ship with a label of its own."""
        self.problem = reason
        if self.state != "void":
            label_machine.check(self.state, "refused")
            self.state = "refused"

    def give_up(self) -> None:
        """Nothing will be sent with it."""
        if self.state != "void":
            label_machine.check(self.state, "void")
            self.state = "void"

    def hear(self, news: CarrierNews) -> bool:
        """Keeps the notice in the carrier's order; False when it was heard before."""
        if any(each.webhook_id == news.webhook_id or _says(each) == _says(news) for each in self.news):
            return False
        self.news = sorted([*self.news, news], key=lambda each: (each.sequence, each.occurred_at))
        return True

    def is_late(self, news: CarrierNews) -> bool:
        """Whether something newer was told of the parcel before."""
        return any(each.followed and each.sequence > news.sequence for each in self.news)


def _says(news: CarrierNews) -> tuple[int, str]:
    """What makes two notices one fact, whatever their messages are called."""
    return news.sequence, news.word


async def shipments_of(rma_id: UUID, tx: Transaction, *, lock: bool = False) -> list[Shipment]:
    """The parcels of an RMA, the oldest first."""
    await tx.flush()
    oldest_first = (Shipment.c.created_at, Shipment.c.reference)
    return await tx.select(Shipment, Shipment.c.rma_id == rma_id, order_by=oldest_first, lock=lock)


async def label_for(rma_id: UUID, direction: Direction, tx: Transaction) -> Shipment | None:
    """The newest label of this direction that was not given up, locked; None where there is none."""
    shipments = await shipments_of(rma_id, tx, lock=True)
    standing = [each for each in shipments if each.direction == direction and each.state != "void"]
    return standing[-1] if standing else None

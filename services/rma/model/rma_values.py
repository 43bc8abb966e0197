"""The values that an RMA holds: its states, and what belongs together in one word."""

from datetime import date, datetime
from typing import Literal, NamedTuple, TypedDict
from uuid import UUID

from pydantic import BaseModel

from libs.events.labels import Serial
from libs.events.values import Instant, Money
from services.rma.model.promise import Promise

OutboundState = Literal[
    "requested",
    "authorized",
    "denied",
    "reserved",
    "backordered",
    "shipped",
    "delivered",
    "refused",
    "lost",
    "dead_on_arrival",
    "cancelled",
    "closed",
]
ReturnState = Literal[
    "not_required",
    "awaiting_return",
    "overdue",
    "waived",
    "in_transit",
    "lost",
    "received",
    "inspected",
    "serial_mismatch",
    "wrong_unit",
]
ChargeState = Literal["none", "invoiced", "disputed", "credited", "waived"]
WaitingFor = Literal["coverage", "site", "address", "serial", "send_again"]
InspectionResult = Literal["confirmed", "no_fault_found", "damaged", "serial_mismatch", "wrong_unit"]
Returns = Literal["defective", "unused_replacement"]
Leg = Literal["outbound", "return", "charge"]


PromiseCause = Literal[
    "reserved",
    "moved",
    "shipped",
    "ship_cut_off",
    "carrier_late",
    "calendar",
    "network",
    "address",
    "stock",
    "carrier_eta",
    "attempted",
    "customs",
    "delayed",
]
BY_CARRIER: frozenset[PromiseCause] = frozenset({"carrier_eta", "attempted", "customs", "delayed"})
"""The carrier said so itself: a calendar knows no better while that day has not passed."""


class PromiseMade(BaseModel):
    """An entry of the promise's history: what was promised, from which depot, since when, and what made it so."""

    promised: date
    promised_by: Instant
    depot_id: UUID
    cause: PromiseCause
    reason: str
    at: Instant


class ShortPick(BaseModel):
    """What was kept and is not on the shelf, or not to be sent. `found_at`: a missing one turned up."""

    what: Literal["missing", "damaged"]
    depot_id: UUID
    part_number: str
    serial: str | None = None
    at: Instant
    by: str
    found_at: Instant | None = None

    @property
    def is_missing(self) -> bool:
        """Whether it may still turn up."""
        return self.what == "missing" and self.found_at is None


class Change(BaseModel):
    """An entry of the history: which leg came into which state, when, by whom and why."""

    leg: Leg
    state: str
    at: Instant
    by: str
    reason: str


class Denial(BaseModel):
    """Why nothing is sent under the contract, and what the part costs without one."""

    reason: str
    explanation: str
    paid_path: str | None = None
    price: Money | None = None


class Invoice(BaseModel):
    """The charge as it was written. `settled` says how it was taken off again."""

    number: str
    amount: Money
    invoiced_at: Instant
    settled: Literal["credited", "waived"] | None = None


class Installation(BaseModel):
    """The part works in the old one's place: who says so, both serials, and since when."""

    by: Literal["customer", "technician"]
    old_serial: Serial | None = None
    new_serial: Serial | None = None
    at: Instant


class Grant(NamedTuple):
    """What was authorised: the part, and the contract's date at the destination."""

    part_number: str
    due: date
    # The first instant after that day, at the destination.
    ends_at: datetime


class Kept(NamedTuple):
    """What is kept for the RMA in a depot, or was sent from there, and what was promised for it."""

    depot_id: UUID
    promise: Promise


class Sent(NamedTuple):
    """How the part left the depot."""

    serial: str | None
    carrier: str
    tracking: str
    at: datetime


class RmaIds(TypedDict):
    """What every event of an RMA says."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID

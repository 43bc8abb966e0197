"""One advance replacement: the outbound leg here, the way back in return_leg.py. Each goes its own way."""

from datetime import date, datetime
from typing import Literal, TypedDict
from uuid import UUID

from pydantic import BaseModel

from libs.events.labels import Serial
from libs.events.values import Contact, Instant, Money, Priority, Severity, Site
from libs.kit.problems import Conflict, Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity, Transaction
from services.rma.model.promise import Promise

OutboundState = Literal[
    "requested", "authorized", "denied", "reserved", "backordered", "shipped", "delivered", "refused", "lost",
    "dead_on_arrival", "cancelled", "closed",
]  # fmt: skip
ReturnState = Literal[
    "not_required", "awaiting_return", "overdue", "invoiced", "credited", "waived", "in_transit", "lost", "received",
    "inspected", "serial_mismatch", "wrong_unit",
]  # fmt: skip
WaitingFor = Literal["coverage", "site"]
InspectionResult = Literal["confirmed", "no_fault_found", "damaged", "serial_mismatch", "wrong_unit"]

outbound_machine: StateMachine[OutboundState] = StateMachine(
    "The RMA",
    {
        "requested": {"authorized", "denied", "cancelled"},
        "denied": {"authorized", "cancelled"},  # a manager's override, or cover that came after all
        "authorized": {"reserved", "backordered", "cancelled"},
        "backordered": {"reserved", "cancelled"},
        "reserved": {"shipped", "cancelled"},
        "shipped": {"delivered", "refused", "lost"},
        "delivered": {"dead_on_arrival", "closed"},
    },
    initial="requested",
)
UNSHIPPED: frozenset[OutboundState] = frozenset({"requested", "authorized", "denied", "reserved", "backordered"})
OPEN_PROMISE: frozenset[OutboundState] = frozenset({"reserved", "shipped"})
NOT_SENT: frozenset[OutboundState] = frozenset({"requested", "denied", "cancelled"})


class Step(BaseModel):
    """A change of state: who, when, why."""

    leg: Literal["outbound", "return"]
    state: str
    at: Instant
    by: str
    reason: str


class Denial(BaseModel):
    reason: str
    explanation: str
    paid_path: str | None = None
    price: Money | None = None


class Invoice(BaseModel):
    """For what never came back. `settled` takes the charge off again."""

    number: str
    amount: Money
    invoiced_at: Instant
    settled: Literal["credited", "waived"] | None = None


class Installation(BaseModel):
    by: Literal["customer", "technician"]
    old_serial: Serial | None = None
    new_serial: Serial | None = None
    at: Instant


class RmaIds(TypedDict):
    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID


class NoLabelYet(Conflict):
    """A parcel leaves with the label that was bought for it; until then the depot waits, or brings a label of its own."""

    title = "The label is not there yet"


class SerialMissing(Unprocessable):
    title = "The part's serial is needed"


class NotInOrder(Unprocessable):
    title = "That instant cannot be"


class Rma(
    Entity,
    table="rmas",
    indexes=(
        "case_id",
        "diagnosis_id",
        ("state", "part_number"),
        ("product_number", "serial"),
        ("serial", "created_at", "id"),
        ("part_number", "created_at", "id"),
        ("created_at", "id"),
        ("account_id", "created_at", "id"),
        ("state", "created_at", "id"),
        ("return_state", "created_at", "id"),
        ("depot_id", "created_at", "id"),
        ("depot_id", "state", "created_at", "id"),
    ),
    unique=("cause_id", "number"),
):
    """`cause_id`: the diagnosis, or the RMA whose part was lost or dead on arrival; it gives this one its id."""

    account_id: UUID
    number: str
    case_id: UUID
    case_number: str | None
    diagnosis_id: UUID
    cause_id: UUID
    replaces_rma_id: UUID | None = None
    replaced_by_rma_id: UUID | None = None
    component: str
    whole_unit: bool
    wanted_part: str | None  # as diagnosed
    product_number: str | None
    hardware_revision: str | None = None
    serial: str | None  # of the unit that failed
    severity: Severity | None
    priority: Priority | None
    onsite: bool
    plan: str | None = None
    state: OutboundState = "requested"
    waiting_for: WaitingFor | None = None  # what nobody has told yet and no decision can do without
    denial: Denial | None = None
    part_number: str | None = None  # what is sent
    substitute_for: str | None = None
    depot_id: UUID | None = None
    ship_to: Site | None = None
    contact: Contact | None = None
    cut_off: str = "15:00"  # the plan's published one
    diagnosed_at: datetime
    contract_due: date | None = None
    contract_ends_at: datetime | None = None
    contract_missed: bool = False
    promise: Promise | None = None
    label_round: int = 0
    shipped_serial: str | None = None
    shipped_at: datetime | None = None
    carrier: str | None = None
    tracking: str | None = None
    delivered_at: datetime | None = None
    received_by: str | None = None
    installation: Installation | None = None
    repeat_of: list[UUID]
    return_state: ReturnState = "not_required"
    returns: Literal["defective", "unused_replacement"] = "defective"
    return_required: bool = False
    return_serial: str | None  # the serial that is expected back, where one is known
    return_due: date | None = None
    return_due_at: datetime | None = None
    received_serial: str | None = None
    received_at: datetime | None = None
    inspection: InspectionResult | None = None
    invoice: Invoice | None = None
    history: list[Step]
    created_at: datetime
    closed_at: datetime | None = None

    @property
    def ids(self) -> RmaIds:
        """What every event of this RMA says."""
        return {"rma_id": self.id, "case_id": self.case_id, "diagnosis_id": self.diagnosis_id}

    @property
    def sent_part(self) -> str:
        """The part number on its way, or the best that is known of it."""
        return self.part_number or self.wanted_part or self.component

    @property
    def destination(self) -> Site:
        """Raises NoDestination."""
        if self.ship_to is None:
            raise NoDestination("Nobody has said yet where the part is to go: the case has no site.")
        return self.ship_to

    @property
    def has_shipped(self) -> bool:
        return self.shipped_at is not None

    def to(self, state: OutboundState, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
        """Goes on along the outbound leg. Raises ForbiddenTransition."""
        outbound_machine.check(self.state, state)
        self.state, self.waiting_for = state, None
        self._record("outbound", state, tx, reason, at)

    def record_return(self, state: ReturnState, tx: Transaction, reason: str, at: datetime | None = None) -> None:
        """Puts the way back into a state that return_leg.py has found allowed."""
        self.return_state = state
        self._record("return", state, tx, reason, at)

    def _record(
        self, leg: Literal["outbound", "return"], state: str, tx: Transaction, reason: str, at: datetime | None
    ) -> None:
        self.history = [*self.history, Step(leg=leg, state=state, at=at or tx.now, by=tx.scope.actor, reason=reason)]

    def ship(self, serial: str | None, *, serialised: bool, tracking: str, carrier: str, tx: Transaction) -> None:
        """The part leaves the depot. Raises SerialMissing."""
        outbound_machine.check(self.state, "shipped")
        if serialised and not serial:
            raise SerialMissing(f"{self.sent_part} carries a serial: scan it.")
        self.to("shipped", tx, f"with {carrier}, {tracking}")
        self.shipped_serial, self.shipped_at, self.tracking, self.carrier = serial, tx.now, tracking, carrier

    def deliver(self, at: datetime, received_by: str | None, tx: Transaction) -> None:
        """The part is at the destination."""
        self.to("delivered", tx, f"received by {received_by}" if received_by else "delivered", at=at)
        self.delivered_at, self.received_by = at, received_by

    def install(self, installation: Installation) -> None:
        """The part works in the old one's place. Raises Conflict when it is not there or was reported before."""
        if self.state != "delivered":
            raise NotInstallable(
                f"The RMA is {self.state}; a part can be confirmed once it is delivered.",
                state=self.state,
                possible=outbound_machine.possible(self.state),
            )
        if self.installation:
            raise NotInstallable("The part is confirmed installed already.", state=self.state, possible=[])
        self.installation = installation


class NoDestination(Unprocessable):
    title = "No destination is known"


class NotInstallable(Conflict):
    title = "Nothing to confirm"


async def rmas_of_case(case_id: UUID, tx: Transaction) -> list[Rma]:
    """Every RMA of the case, locked, oldest first; also one that was being opened while an earlier one's lock was waited for."""
    await tx.flush()
    found = await tx.select(Rma, Rma.c.case_id == case_id, lock=True)
    while len(again := await tx.select(Rma, Rma.c.case_id == case_id, lock=True)) > len(found):
        found = again
    return sorted(found, key=lambda rma: (rma.created_at, rma.id))

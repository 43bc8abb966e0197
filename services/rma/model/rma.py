"""One advance replacement: the way out here, the way back in return_leg.py. Each goes its own way."""

from dataclasses import field
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa

from libs.events.entitlements import CoverageDecided
from libs.events.values import Contact, Priority, Severity, Site
from libs.kit.calendar import DayEnd
from libs.kit.problems import Conflict, Unprocessable
from libs.kit.states import ForbiddenTransition
from libs.store import Entity, Transaction, UpdatedAt
from services.rma.model.outbound_leg import outbound_machine
from services.rma.model.part import Unit
from services.rma.model.promise import Promise
from services.rma.model.rma_values import (
    Change,
    ChargeState,
    Denial,
    Grant,
    InspectionResult,
    Installation,
    Invoice,
    Kept,
    Leg,
    OutboundState,
    PromiseCause,
    PromiseMade,
    Returns,
    ReturnState,
    RmaIds,
    Sent,
    ShortPick,
    WaitingFor,
)

NOT_COVERED = "not_covered"
"""The reason of a denial that cover which comes after all takes back."""

# The timers that wake an RMA. What stands after a colon is handed to the timer's reaction.
CONTRACT_DUE = "contract_due"
FORECAST = "forecast"
FORECAST_SHIP_CUT_OFF = f"{FORECAST}:ship_cut_off"
FORECAST_CARRIER_LATE = f"{FORECAST}:carrier_late"
FORECAST_ADDRESS = f"{FORECAST}:address"
FORECAST_STOCK = f"{FORECAST}:stock"
RETURN_REMINDER = "return_reminder"
RETURN_OVERDUE = "return_overdue"
RETURN_INVOICE = "return_invoice"
ADDRESS_CAME = "address_came"
CARRIER_NEWS = "carrier_news"
CLOSE = "close"


class SerialMissing(Unprocessable):
    title = "The part's serial is needed"


class NotInOrder(Unprocessable):
    title = "That instant cannot be"


class NoDestination(Unprocessable):
    title = "No destination is known"


class NothingKept(Conflict):
    title = "No part is kept for it"


class NotInstallable(Conflict):
    title = "Nothing to confirm"


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
        "shipped_serial",
        "received_serial",
        ("charge", "created_at", "id"),
        ("charge", "updated_at", "id"),
        ("depot_id", "created_at", "id"),
        ("depot_id", "state", "created_at", "id"),
        ("depot_id", "return_state", "created_at", "id"),
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
        ("depot_id", "updated_at", "id"),
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
    # As diagnosed.
    wanted_part: str | None
    product_number: str | None
    hardware_revision: str | None = None
    # Of the unit that failed.
    serial: str | None
    severity: Severity | None
    priority: Priority | None
    onsite: bool
    plan: str | None = None
    # Of the case, which the decision that it goes by knows of.
    corrections: Annotated[int, sa.DefaultClause("0")] = 0
    state: OutboundState = "requested"
    # What nobody has told yet and no decision can do without.
    waiting_for: WaitingFor | None = None
    denial: Denial | None = None
    # What is sent.
    part_number: str | None = None
    substitute_for: str | None = None
    depot_id: UUID | None = None
    ship_to: Site | None = None
    contact: Contact | None = None
    # The plan's published one.
    cut_off: str = "15:00"
    diagnosed_at: datetime
    contract_due: date | None = None
    contract_ends_at: datetime | None = None
    contract_missed: bool = False
    promise: Promise | None = None
    # What was promised so far, the oldest first.
    promises: Annotated[list[PromiseMade], sa.DefaultClause("[]")] = field(default_factory=list)
    short_picks: Annotated[list[ShortPick], sa.DefaultClause("[]")] = field(default_factory=list)
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
    returns: Returns = "defective"
    return_required: bool = False
    # The serial that is expected back, where one is known.
    return_serial: str | None
    return_due: date | None = None
    return_due_at: datetime | None = None
    received_serial: str | None = None
    received_part: str | None = None
    received_at: datetime | None = None
    inspection: InspectionResult | None = None
    charge: Annotated[ChargeState, sa.DefaultClause("none")] = "none"
    invoice: Invoice | None = None
    history: list[Change]
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)
    closed_at: datetime | None = None

    @property
    def ids(self) -> RmaIds:
        """What every event of this RMA says."""
        return {"rma_id": self.id, "case_id": self.case_id, "diagnosis_id": self.diagnosis_id}

    @property
    def grant(self) -> Grant:
        """What was authorised, known from `authorized` on. Raises RuntimeError before."""
        if self.part_number is None or self.contract_due is None or self.contract_ends_at is None:
            raise RuntimeError(f"{self.number} is {self.state}: nothing was authorised.")
        return Grant(self.part_number, self.contract_due, self.contract_ends_at)

    @property
    def kept(self) -> Kept:
        """Where its part is kept, or was sent from, known from `reserved` on. Raises RuntimeError before."""
        if self.depot_id is None or self.promise is None:
            raise RuntimeError(f"{self.number} is {self.state}: no part is kept for it.")
        return Kept(self.depot_id, self.promise)

    @property
    def sent(self) -> Sent:
        """How its part left the depot, known from `shipped` on. Raises RuntimeError before."""
        if self.carrier is None or self.tracking is None or self.shipped_at is None:
            raise RuntimeError(f"{self.number} is {self.state}: nothing was sent.")
        return Sent(self.shipped_serial, self.carrier, self.tracking, self.shipped_at)

    @property
    def window(self) -> DayEnd | None:
        """Until when something is to come back; None while nobody can say."""
        return DayEnd(self.return_due, self.return_due_at) if self.return_due and self.return_due_at else None

    @window.setter
    def window(self, due: DayEnd | None) -> None:
        self.return_due, self.return_due_at = due or (None, None)

    @property
    def sent_part(self) -> str:
        """The part number on its way, or the best that is known of it."""
        return self.part_number or self.wanted_part or self.component

    @property
    def asked_part(self) -> str:
        """The part that was granted, whatever stands in for it."""
        return self.substitute_for or self.grant.part_number

    @property
    def unit(self) -> Unit:
        """What the part goes into."""
        return Unit(self.product_number, self.hardware_revision)

    @property
    def destination(self) -> Site:
        """The site that the part goes to. Raises NoDestination."""
        if self.ship_to is None:
            raise NoDestination("Nobody has said yet where the part is to go: the case has no site.")
        return self.ship_to

    @property
    def has_shipped(self) -> bool:
        """Whether the part ever left the depot."""
        return self.shipped_at is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing follows any more, on neither leg."""
        return self.state in ("cancelled", "closed") or self.closed_at is not None

    @property
    def awaits_cover(self) -> bool:
        """Whether the next decision on the cover can still grant it."""
        return self.state == "requested" or (
            self.state == "denied" and self.denial is not None and self.denial.reason == NOT_COVERED
        )

    def become(self, state: OutboundState, tx: Transaction, reason: str, *, at: datetime | None = None) -> None:
        """Goes on along the outbound leg. Raises ForbiddenTransition."""
        outbound_machine.check(self.state, state)
        self.state, self.waiting_for = state, None
        self.record("outbound", state, tx, reason, at)

    def record(
        self,
        leg: Leg,
        state: OutboundState | ReturnState | ChargeState,
        tx: Transaction,
        reason: str,
        at: datetime | None = None,
    ) -> None:
        """Writes into the history that a leg came into this state, now unless `at` says when."""
        change = Change(leg=leg, state=state, at=at or tx.now, by=tx.scope.actor, reason=reason)
        self.history = [*self.history, change]

    def since(self, state: OutboundState) -> datetime:
        """When it last came into this state. Raises StopIteration for one that it was never in."""
        return next(change.at for change in reversed(self.history) if (change.leg, change.state) == ("outbound", state))

    def was(self, state: OutboundState) -> bool:
        """Whether it ever was in this state on the way out."""
        return any((change.leg, change.state) == ("outbound", state) for change in self.history)

    def promised(self, promise: Promise, depot_id: UUID, cause: PromiseCause, reason: str, at: datetime) -> bool:
        """Promises this from now on; whether the date or its hour are others than before."""
        old, self.promise = self.promise, promise
        if old and (old.promised, old.promised_by) == (promise.promised, promise.promised_by):
            return False
        made = PromiseMade(
            promised=promise.promised,
            promised_by=promise.promised_by,
            depot_id=depot_id,
            cause=cause,
            reason=reason,
            at=at,
        )
        self.promises = [*self.promises, made]
        return True

    def back_to_line(self) -> None:
        """No part is kept for it any more; the one that was granted is waited for."""
        self.part_number, self.substitute_for = self.asked_part, None
        self.depot_id = self.promise = None

    def take_cover(self, coverage: CoverageDecided) -> None:
        """Where the part goes and what it is for, as the newest decision says. Only before anything was sent."""
        self.ship_to, self.contact, self.plan = coverage.site, coverage.contact, coverage.plan
        self.corrections = coverage.corrections
        if self.contract_due is None:
            self.cut_off = coverage.published_cut_off
        if product := coverage.product:
            self.product_number, self.serial = product.product_number, product.serial
            self.hardware_revision = product.hardware_revision
            if self.whole_unit and self.replaces_rma_id is None:
                self.return_serial = product.serial

    def wrong(self, coverage: CoverageDecided) -> str | None:
        """What it was granted for and the decision on the corrected case says otherwise: the unit or the site."""
        unit = coverage.product and (coverage.product.product_number, coverage.product.serial)
        if (unit and unit != (self.product_number, self.serial)) or (self.plan and not coverage.covered):
            return "unit"
        sites = [site and site.site_id for site in (coverage.site, self.ship_to)]
        return "site" if sites[0] != sites[1] else None

    def take_back(self) -> None:
        """Nothing of what was granted holds: neither the part nor its depot, nor the contract's date."""
        self.part_number = self.substitute_for = self.depot_id = self.promise = None
        self.promises = []
        self.contract_due = self.contract_ends_at = None
        self.contract_missed = self.return_required = False
        self.repeat_of = []

    def take_parcel_back(self) -> None:
        """Nothing is on its way any more, and another parcel will be."""
        self.shipped_serial = self.shipped_at = self.carrier = self.tracking = self.closed_at = None

    def ship(self, serial: str | None, *, serialised: bool, carrier: str, tracking: str, tx: Transaction) -> None:
        """The part leaves the depot. Raises ForbiddenTransition, SerialMissing."""
        outbound_machine.check(self.state, "shipped")
        if serialised and not serial:
            raise SerialMissing(f"{self.sent_part} carries a serial: scan it.")
        self.become("shipped", tx, f"with {carrier}, {tracking}")
        self.shipped_serial, self.shipped_at, self.carrier, self.tracking = serial, tx.now, carrier, tracking

    def deliver(self, at: datetime, received_by: str | None, tx: Transaction) -> None:
        """The part is at the destination. Raises ForbiddenTransition unless it was under way."""
        self.become("delivered", tx, "delivered", at=at)
        self.delivered_at, self.received_by = at, received_by

    def must_be_reserved(self) -> None:
        """Raises NothingKept unless a part waits for it in a depot."""
        if self.state != "reserved":
            raise NothingKept(
                f"The RMA is {self.state}; only a part that is kept in a depot can come from another one.",
                state=self.state,
                possible=outbound_machine.possible(self.state),
            )

    def must_be_refused(self) -> None:
        """Raises ForbiddenTransition unless its parcel comes back."""
        if self.state != "refused":
            raise ForbiddenTransition("The RMA", self.state, "reserved", [*outbound_machine.possible(self.state)])

    def must_be_installable(self) -> None:
        """Raises NotInstallable when the part is not there or was reported before."""
        if self.state != "delivered":
            raise NotInstallable(
                f"The RMA is {self.state}; a part can be confirmed once it is delivered.",
                state=self.state,
                possible=outbound_machine.possible(self.state),
            )
        if self.installation:
            raise NotInstallable("The part is confirmed installed already.", state=self.state, possible=[])

    def install(self, installation: Installation) -> None:
        """The part works in the old one's place. Raises NotInstallable."""
        self.must_be_installable()
        self.installation = installation

    def must_not_have_worked(self) -> None:
        """For a part that is dead on arrival. Raises ForbiddenTransition, NotInstallable."""
        outbound_machine.check(self.state, "dead_on_arrival")
        if self.installation:
            raise NotInstallable(
                "The part was confirmed to work; a fault that comes later needs a new diagnosis.", state=self.state
            )


# A column of what the row says: no index on JSON is used under row-level security.
_contact = sa.Column("contact_id", sa.Text(), sa.Computed("contact ->> 'contact_id'", persisted=True))
Rma.table.append_column(_contact)
sa.Index("rmas_contact_id_idx", _contact, postgresql_where=_contact.is_not(None))


def whose_contact_is(contact_id: UUID) -> sa.ColumnElement[bool]:
    """Those that are for this contact, as their case was decided last."""
    return _contact == str(contact_id)

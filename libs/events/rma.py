"""What rma publishes about the outbound leg: from the diagnosis to the replacement in place. The way back: rma_returns.py."""

from datetime import date
from typing import Literal
from uuid import UUID

from libs.events.base import Event, drop, since
from libs.events.labels import ProductNumber, Serial
from libs.events.values import Instant, Money, Priority, PromiseReason


class RmaRequested(Event, type="polyplus.rma.rma-requested", visibility="public", subject="rma_id"):
    """A diagnosis, or the loss of an earlier replacement, calls for a part; told again when it is decided anew (S2)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    number: str
    component: str
    part_number: str | None = None
    whole_unit: bool
    product_number: ProductNumber | None = None
    serial: Serial | None = None  # of the unit that failed
    onsite: bool = False  # a technician is meant to install it
    replaces_rma_id: UUID | None = None  # the lost or dead-on-arrival one
    priority: Priority | None = None
    reason: str | None = None  # why it is decided anew: the case's unit or site was corrected
    requested_at: Instant


class RmaAuthorized(Event, type="polyplus.rma.rma-authorized", visibility="public", subject="rma_id"):
    """The replacement is granted and its contract date is fixed for good (S2, S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    part_number: str
    contract_due: date  # at the destination
    return_required: bool
    overridden: bool = False  # by a manager, against the cover
    reason: str
    by: str
    authorized_at: Instant


class RmaDenied(Event, type="polyplus.rma.rma-denied", visibility="public", subject="rma_id"):
    """No replacement under the contract, why not, and what it would cost to buy one (S2)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    reason: str  # a code: not_covered, no_part_fits …
    explanation: str
    paid_path: str | None = None
    price: Money | None = None
    by: str
    denied_at: Instant


class PartReserved(Event, type="polyplus.rma.part-reserved", visibility="public", subject="rma_id"):
    """A part in a depot is kept for this RMA, with the promised date and its reasons; again when it moves to another depot (S2, S3, S19)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    part_number: str
    substitute_for: str | None = None
    depot_id: UUID
    promised: date  # at the destination
    promised_by: Instant
    contract_due: date  # at the destination
    reasons: list[PromiseReason]
    moved_from: UUID | None = None  # the depot that kept a part for it before
    reason: str | None = None  # why it moved
    reserved_at: Instant


class PartBackordered(Event, type="polyplus.rma.part-backordered", visibility="public", subject="rma_id"):
    """No depot has the part now; it is served when stock comes (S3, S19)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    part_number: str
    contract_due: date
    promised: date | None = None  # None: nobody knows yet
    reasons: list[PromiseReason] = []
    backordered_at: Instant


class PartShipped(Event, type="polyplus.rma.part-shipped", version=2, visibility="public", subject="rma_id"):
    """The replacement left the depot, prepaid, before any return; its labels are on the RMA (S2, S3, S19)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    number: str
    part_number: str
    whole_unit: bool
    component: str
    serial: Serial | None = None
    depot_id: UUID
    carrier: str
    tracking: str
    tracking_url: str | None = None
    promised: date  # at the destination
    promised_by: Instant
    contract_due: date  # at the destination
    onsite: bool = False  # a technician installs it
    shipped_at: Instant


since(PartShipped, 2, drop("label_url", "return_label_url"))


class ShipmentUpdated(Event, type="polyplus.rma.shipment-updated", visibility="public", subject="rma_id"):
    """The carrier told where a parcel is, on either leg; what comes after newer news says that it is late (S3, S19)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    leg: Literal["outbound", "return"]
    carrier: str
    tracking: str
    status: Literal["label_created", "picked_up", "in_transit", "out_for_delivery", "delayed", "exception", "delivered"]
    text: str | None = None
    location: str | None = None
    expected: date | None = None
    late: bool = False  # newer news was told before
    occurred_at: Instant


class PartRefused(Event, type="polyplus.rma.part-refused", visibility="public", subject="rma_id"):
    """The destination did not take the parcel; the part comes back to the depot (S2)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    reason: str
    refused_at: Instant


class DeliveryPromiseChanged(
    Event, type="polyplus.rma.delivery-promise-changed", visibility="public", subject="rma_id"
):
    """The forecast moved, and why; the contract date did not (S3, S19, S31)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    old: date | None = None
    new: date  # at the destination
    promised_by: Instant
    contract_due: date
    cause: str
    reasons: list[PromiseReason]
    changed_at: Instant


class DeliveryPromiseMissed(Event, type="polyplus.rma.delivery-promise-missed", visibility="public", subject="rma_id"):
    """The contract date passed and the part is not there (S3, S24)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    contract_due: date
    promised: date | None = None
    reasons: list[PromiseReason] = []
    cause: Literal["carrier", "depot", "stock", "customer", "customs", "calendar"] | None = None  # None in older events
    missed_at: Instant


class PartDelivered(Event, type="polyplus.rma.part-delivered", version=2, visibility="public", subject="rma_id"):
    """The replacement is at the destination (S3, S19)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    part_number: str
    serial: Serial | None = None
    tracking: str | None = None
    contract_due: date
    in_time: bool  # on or before the contract date
    onsite: bool = False
    delivered_at: Instant


since(PartDelivered, 2, drop("received_by"))


class PartLost(Event, type="polyplus.rma.part-lost", visibility="public", subject="rma_id"):
    """The parcel will not arrive; another RMA took its place at once (S2)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    tracking: str | None = None
    replaced_by_rma_id: UUID | None = None
    reason: str
    lost_at: Instant


class PartDeadOnArrival(Event, type="polyplus.rma.part-dead-on-arrival", visibility="public", subject="rma_id"):
    """The replacement itself does not work; another RMA took its place at once (S2)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    part_number: str
    serial: Serial | None = None
    replaced_by_rma_id: UUID | None = None
    symptom: str | None = None
    by: str
    reported_at: Instant


class ReplacementInstalled(
    Event, type="polyplus.rma.replacement-installed", version=2, visibility="public", subject="rma_id"
):
    """The replacement works in the old one's place; of a whole unit, the registration follows (S2, S16, S26)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    product_number: ProductNumber  # of the unit, not of the part
    unit_serial: Serial | None = None  # the unit that a component went into
    old_serial: Serial | None = None
    new_serial: Serial | None = None
    new_product_number: ProductNumber | None = None  # of a substitute that is another product
    whole_unit: bool
    component: str
    installed_by: Literal["customer", "technician"]
    work_order_id: UUID | None = None
    by: str | None = None  # role:id; None in older events
    installed_at: Instant


since(ReplacementInstalled, 2, drop("by"))


class RmaCancelled(Event, type="polyplus.rma.rma-cancelled", visibility="public", subject="rma_id"):
    """Nothing will be sent, and what was kept is free again; only before shipment (S2)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    reason: str
    by: str
    cancelled_at: Instant


class RmaClosed(Event, type="polyplus.rma.rma-closed", visibility="public", subject="rma_id"):
    """Both legs are over (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    outcome: str
    closed_at: Instant

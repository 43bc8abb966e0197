"""What rma publishes about the way back, and about what repeats."""

from datetime import date
from typing import Literal
from uuid import UUID

from libs.events.base import Event, drop, since
from libs.events.labels import ProductNumber, Serial
from libs.events.values import Instant, Money


class DefectiveReturnDue(
    Event, type="polyplus.rma.defective-return-due", version=2, visibility="public", subject="rma_id"
):
    """A unit is to be sent back, prepaid, by a date counted from the delivery or the end of the visit; also each reminder (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    what: Literal["defective", "unused_replacement"] = "defective"
    part_number: str
    serial: Serial | None = None
    due: date  # at the destination
    due_at: Instant
    reminder: int = 0  # 0 is the first word, n the nth reminder
    announced_at: Instant


since(DefectiveReturnDue, 2, drop("return_label_url"))


class DefectiveReceived(Event, type="polyplus.rma.defective-received", visibility="public", subject="rma_id"):
    """A returned unit is in the depot (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    depot_id: UUID
    part_number: str | None = None
    serial: Serial | None = None
    expected_serial: Serial | None = None
    by: str
    received_at: Instant


class DefectiveInspected(Event, type="polyplus.rma.defective-inspected", visibility="public", subject="rma_id"):
    """What the depot found in the returned unit (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    result: Literal["confirmed", "no_fault_found", "damaged", "serial_mismatch", "wrong_unit"]
    serial: Serial | None = None
    matched_rma_id: UUID | None = None  # a mismatching serial that belongs to another open RMA
    note: str | None = None
    by: str
    inspected_at: Instant


class ReturnRejected(Event, type="polyplus.rma.return-rejected", visibility="public", subject="rma_id"):
    """The wrong unit came back; the right one is awaited until a new date (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    reason: str
    serial: Serial | None = None
    new_due: date
    new_due_at: Instant
    by: str
    rejected_at: Instant


class ReturnOverdue(Event, type="polyplus.rma.return-overdue", visibility="public", subject="rma_id"):
    """The return window passed and nothing came back (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    part_number: str
    due: date
    invoice_on: date | None = None
    overdue_at: Instant


class NonReturnInvoiced(Event, type="polyplus.rma.non-return-invoiced", visibility="public", subject="rma_id"):
    """What never came back is charged at list price; a later return is credited (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    invoice_number: str
    part_number: str
    amount: Money
    due: date  # when the unit had been due back
    by: str
    invoiced_at: Instant


class InvoiceDisputed(Event, type="polyplus.rma.invoice-disputed", visibility="public", subject="rma_id"):
    """The customer says that the charge is not owed; the ERP is told of it again once that is decided (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    invoice_number: str
    amount: Money
    reason: str
    by: str
    disputed_at: Instant


class InvoiceUpheld(Event, type="polyplus.rma.invoice-upheld", visibility="public", subject="rma_id"):
    """A disputed charge stands: the depot refused what came back, or a manager decided so (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    invoice_number: str
    amount: Money
    reason: str
    by: str
    upheld_at: Instant


class InvoiceSettled(Event, type="polyplus.rma.invoice-settled", visibility="public", subject="rma_id"):
    """The charge is gone: credited because the unit came after all, or waived (S3)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    outcome: Literal["credited", "waived"]
    invoice_number: str | None = None  # None: waived before it was written
    amount: Money | None = None
    reason: str
    by: str
    settled_at: Instant


class RepeatReplacementDetected(
    Event, type="polyplus.rma.repeat-replacement-detected", visibility="internal", subject="rma_id"
):
    """The same component of the same unit, followed through its replacements, failed again within the policy's days (S24, S25)."""

    rma_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    earlier_rma_ids: list[UUID]
    earlier_case_ids: list[UUID] = []
    product_number: ProductNumber
    serial: Serial | None = None
    component: str
    within_days: int
    detected_at: Instant

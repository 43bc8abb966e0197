"""What onsite publishes: from the work order to the technician's sign-off."""

from typing import Literal
from uuid import UUID

from libs.events.base import Event, drop, since
from libs.events.labels import ProductNumber, Serial
from libs.events.values import InstalledPart, Instant, Role, Seconds, TimeZone, Window

FailureReason = Literal[
    "no_access",
    "contact_absent",
    "site_not_ready",
    "part_dead_on_arrival",
    "wrong_part",
    "not_resolved",
    "customer_declined",
    "unsafe",
    "other",
]
VisitWaitsFor = Literal["part", "technician", "customer_choice"]


class WorkOrderOpened(Event, type="polyplus.onsite.work-order-opened", visibility="public", subject="work_order_id"):
    """A technician will come for this diagnosis, once its part is on the way (S26)."""

    work_order_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    number: str
    component: str
    part_number: str | None = None
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    family: str | None = None
    opened_at: Instant


class OnsiteNotCovered(Event, type="polyplus.onsite.onsite-not-covered", visibility="public", subject="case_id"):
    """No technician comes for this diagnosis, and why; the part goes to the customer to install (S28, S29)."""

    case_id: UUID
    diagnosis_id: UUID
    reason: str  # a code: option_not_bought, location, product_type, excluded_work …
    explanation: str
    decided_at: Instant


class VisitScheduled(
    Event, type="polyplus.onsite.visit-scheduled", version=2, visibility="public", subject="work_order_id"
):
    """A technician is booked; the window is when the customer may expect the arrival (S26, S31)."""

    work_order_id: UUID
    appointment_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    window: Window
    time_zone: TimeZone  # the site's
    visit_seconds: Seconds | None = None
    technician_id: UUID
    person_id: UUID | None = None  # the technician's; None until technicians name their person
    chosen_by: Literal["customer", "support", "policy"]
    by: str
    scheduled_at: Instant


since(VisitScheduled, 2, drop("technician_name"))


class VisitRescheduled(
    Event, type="polyplus.onsite.visit-rescheduled", version=2, visibility="public", subject="work_order_id"
):
    """The visit moved, or waits without a time for its part, for a technician, or for a time that the customer chooses; once per move,
    and again when another time is asked for than was chosen (S26, S31)."""

    work_order_id: UUID
    appointment_id: UUID | None = None  # the new one
    old_appointment_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    old: Window
    new: Window | None = None  # None: it waits
    waiting_for: VisitWaitsFor | None = None  # and for what
    alternatives: list[Window] = []  # the first times that the customer can choose instead
    time_zone: TimeZone
    technician_id: UUID | None = None
    person_id: UUID | None = None
    reason: str
    by: str
    by_role: Role
    rescheduled_at: Instant


since(VisitRescheduled, 2, drop("technician_name"))


class TechnicianDispatched(
    Event, type="polyplus.onsite.technician-dispatched", version=2, visibility="public", subject="work_order_id"
):
    """The technician is on the way; the part is there already (S26, S31)."""

    work_order_id: UUID
    appointment_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    technician_id: UUID
    person_id: UUID | None = None
    expected_at: Instant | None = None
    departed_at: Instant
    recorded_at: Instant | None = None  # when it was told, where that was later


since(TechnicianDispatched, 2, drop("technician_name"))


class TechnicianDelayed(Event, type="polyplus.onsite.technician-delayed", visibility="public", subject="work_order_id"):
    """The technician comes later than was said, on the same visit: when, and why (S27, S31)."""

    work_order_id: UUID
    appointment_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    technician_id: UUID
    person_id: UUID | None = None
    window: Window  # as it was told
    time_zone: TimeZone  # the site's
    expected_at: Instant
    cause: Literal["said", "visit_before"]  # somebody said so, or the visit before takes longer
    reason: str | None = None
    by: str
    delayed_at: Instant


class DepartureUndone(
    Event, type="polyplus.onsite.departure-undone", version=2, visibility="public", subject="work_order_id"
):
    """The technician is not on the way any more, or never was; the window is as it was told (S31)."""

    work_order_id: UUID
    appointment_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    technician_id: UUID
    person_id: UUID | None = None
    reason: str
    by: str
    undone_at: Instant


since(DepartureUndone, 2, drop("technician_name"))


class TechnicianArrived(
    Event, type="polyplus.onsite.technician-arrived", version=2, visibility="public", subject="work_order_id"
):
    """The technician is at the site (S26, S27)."""

    work_order_id: UUID
    appointment_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    technician_id: UUID
    person_id: UUID | None = None
    in_window: bool
    outside_hours: str | None = None  # why somebody comes while the site is closed
    arrived_at: Instant
    recorded_at: Instant | None = None  # when it was told, where that was later


since(TechnicianArrived, 2, drop("technician_name"))


class SoftwareRestoreApproved(
    Event, type="polyplus.onsite.software-restore-approved", visibility="public", subject="work_order_id"
):
    """An engineer allowed the technician a software update because the product needs it to work again (S29, S30)."""

    work_order_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    release: str | None = None
    reason: str
    by: str
    approved_at: Instant


class VisitCompleted(
    Event, type="polyplus.onsite.visit-completed", version=2, visibility="public", subject="work_order_id"
):
    """The part is in, verified with support and signed off by the customer's contact (S26, S27)."""

    work_order_id: UUID
    appointment_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    technician_id: UUID
    person_id: UUID | None = None
    serials_in: list[Serial]  # put into service
    serials_out: list[Serial]  # taken out, to be returned
    installed: list[InstalledPart] = []  # the same, paired and with their RMAs
    signed_off_by: UUID | None = None  # contact_id; None in older events, and for who is no contact
    signed_as: str | None = None  # who signed in the named contact's place, and why
    signed_instead: str | None = None
    verified_by: UUID | None = None  # person_id of who checked with them; None in older events
    note: str | None = None
    arrived_at: Instant
    completed_at: Instant
    recorded_at: Instant | None = None  # when it was told, where that was later


since(VisitCompleted, 2, drop("technician_name", "signed_off_by", "verified_by"))


class VisitMissed(Event, type="polyplus.onsite.visit-missed", visibility="public", subject="work_order_id"):
    """We did not come when we had said; it is planned again (S31)."""

    work_order_id: UUID
    appointment_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    window: Window
    reason: str
    missed_at: Instant


class VisitFailed(Event, type="polyplus.onsite.visit-failed", visibility="public", subject="work_order_id"):
    """The technician was there and could not finish, and why; another visit follows unless the work order ends (S27)."""

    work_order_id: UUID
    appointment_id: UUID
    case_id: UUID
    diagnosis_id: UUID
    technician_id: UUID
    person_id: UUID | None = None
    reason: FailureReason
    explanation: str
    rma_ids: list[UUID] = []  # of the parts that were the reason
    serials: list[Serial] = []  # of the same, as scanned
    plans_again: bool = True  # False: unable to complete
    by: str
    failed_at: Instant
    recorded_at: Instant | None = None  # when it was told, where that was later


class VisitCancelled(Event, type="polyplus.onsite.visit-cancelled", visibility="public", subject="work_order_id"):
    """No visit remains for this work order (S26)."""

    work_order_id: UUID
    appointment_id: UUID | None = None
    case_id: UUID
    diagnosis_id: UUID
    reason: str
    by: str
    cancelled_at: Instant

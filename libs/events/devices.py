"""What devices publishes about units that report their own trouble, and what was measured on them."""

from typing import Literal
from uuid import UUID

from libs.events.base import Event, drop, move, since
from libs.events.labels import ProductNumber, Serial
from libs.events.values import Impact, Instant, Language, Severity, Value


class DeviceAlertRaised(
    Event, type="polyplus.devices.device-alert-raised", version=2, visibility="public", subject="device_id"
):
    """A unit is in trouble by a rule, damped and told once; carries whose unit it is, so that a case can open (S11, S12)."""

    device_id: UUID
    alert_id: UUID
    account_id: UUID
    product_number: ProductNumber
    serial: Serial
    family: str | None = None
    firmware: str | None = None
    registration_id: UUID | None = None
    site_id: UUID | None = None
    contact_id: UUID | None = None  # who is asked about it
    language: Language = "en"  # theirs
    rule: str
    severity: Severity  # the rule's
    observed_impact: Impact = "degraded"
    text: str
    raised_at: Instant


since(
    DeviceAlertRaised,
    2,
    move("contact.contact_id", "contact_id"),
    move("contact.language", "language"),
    drop("contact"),
)


class DeviceAlertCleared(Event, type="polyplus.devices.device-alert-cleared", visibility="public", subject="device_id"):
    """What the rule watches is well again; whether the trouble is over is for people to say (S11, S12)."""

    device_id: UUID
    alert_id: UUID
    account_id: UUID
    product_number: ProductNumber
    serial: Serial
    rule: str
    text: str | None = None
    cleared_at: Instant


class DiagnosticResult(Value):
    """One measurement: a name resolved, a port reached, a loss in percent."""

    test: str
    target: str | None = None
    outcome: Literal["passed", "degraded", "failed"]
    detail: str | None = None


class DiagnosticsCollected(
    Event, type="polyplus.devices.diagnostics-collected", visibility="public", subject="diagnostics_id"
):
    """The network tools ran on a unit; where that was for a case, the results belong to it (S11)."""

    diagnostics_id: UUID
    case_id: UUID | None = None
    device_id: UUID
    account_id: UUID
    serial: Serial
    summary: str
    results: list[DiagnosticResult] = []
    collected_at: Instant

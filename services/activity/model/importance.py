"""How important an event is in the story of a case: what the customer may expect now, before what only counts or moves it."""

from typing import Literal

from libs.events import upcasts
from libs.events.catalogue import published

Importance = Literal["high", "normal", "low"]

_HIGH = {
    "cases": """
        case-opened severity-changed fault-diagnosed diagnosis-withdrawn workaround-provided coverage-overridden case-resolved
        case-split case-reopened case-closed cancellation-requested cancellation-declined case-cancelled
    """,
    "devices": "device-alert-raised",
    "ecps": """
        partner-ticket-opened partner-ticket-not-openable partner-information-required partner-ticket-resolved
        partner-ticket-closed partner-ticket-withdrawn
    """,
    "entitlements": "coverage-decided",
    "escalation": "threshold-breached escalation-raised escalation-resolved",
    "onsite": """
        onsite-not-covered visit-scheduled visit-rescheduled visit-missed visit-failed visit-cancelled visit-completed technician-delayed
    """,
    "rma": """
        rma-authorized rma-denied part-backordered part-shipped delivery-promise-changed delivery-promise-missed part-delivered
        part-lost part-refused part-dead-on-arrival replacement-installed return-overdue non-return-invoiced invoice-settled
        invoice-disputed invoice-upheld
    """,
}
_LOW = {
    "cases": "case-routed followers-changed internal-followers-changed",
    "escalation": "clock-started clock-paused clock-resumed clock-met clock-stopped escalation-stepped",
    "rma": "shipment-updated",
}


def _named(names: dict[str, str]) -> frozenset[str]:
    return frozenset(f"polyplus.{service}.{name}" for service, its in names.items() for name in its.split())


HIGH, LOW = _named(_HIGH), _named(_LOW)
"""By name, whatever the version. Every other type is of normal importance, also one that this code does not know."""


def importance_of(ce_type: str) -> Importance:
    """Of a type in any version."""
    name = ce_type.rpartition(".v")[0]
    return "high" if name in HIGH else "low" if name in LOW else "normal"


def types_of(importance: Importance) -> list[str]:
    """The known types that are exactly so important, old versions too, sorted."""
    return sorted(each for each in (*published(), *upcasts()) if importance_of(each) == importance)

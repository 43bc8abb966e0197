"""Every contract there is: a service's events are known once its file is named here."""

from libs.events import (
    cases,
    cases_work,
    ecps,
    ecps_calls,
    entitlements,
    escalation,
    onsite,
    rma,
    rma_returns,
)
from libs.events.base import event_types

CONTRACTS = (entitlements, cases, cases_work, rma, rma_returns, escalation, ecps, ecps_calls, onsite)

__all__ = ["CONTRACTS", "event_types"]

"""Every contract there is. A new service's events are published once its files are named here."""

from dataclasses import dataclass
from types import ModuleType

from libs.events import (
    cases,
    cases_work,
    devices,
    ecps,
    ecps_calls,
    entitlements,
    escalation,
    onsite,
    rma,
    rma_returns,
)
from libs.events.base import Event
from libs.events.values import Value


@dataclass(frozen=True)
class StateTopic:
    """A compacted topic: the latest record of each key stands, and a null one says that it is gone."""

    topic: str
    name: str  # its ce_type
    key: str  # what makes the record's key, in words
    record: type[Value]


CONTRACTS: tuple[ModuleType, ...] = (
    entitlements,
    cases,
    cases_work,
    devices,
    rma,
    rma_returns,
    escalation,
    ecps,
    ecps_calls,
    onsite,
)

_REGISTRATIONS = entitlements.RegistrationState
STATE_TOPICS = (
    StateTopic(
        _REGISTRATIONS.topic, _REGISTRATIONS.ce_type, "registration_key(product_number, serial)", _REGISTRATIONS
    ),
)


def published() -> dict[str, type[Event]]:
    """The events of these files by `ce_type`, in the order in which they are written; a test's own events are not among them."""
    return {
        event.contract.ce_type: event
        for module in CONTRACTS
        for event in vars(module).values()
        if isinstance(event, type) and issubclass(event, Event) and event.__module__ == module.__name__
    }

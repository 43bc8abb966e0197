"""Every contract there is. A new service's events are published once its files are named here."""

from types import ModuleType

from libs.events import (
    cases,
    cases_work,
    devices,
    ecps,
    ecps_calls,
    entitlements,
    escalation,
    gateway,
    onsite,
    rma,
    rma_returns,
)
from libs.events.base import Event
from libs.events.state import State

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
    gateway,
)


def published() -> dict[str, type[Event]]:
    """The events of these files by `ce_type`, in the order in which they are written; a test's own events are not among them."""
    return {
        event.contract.ce_type: event
        for module in CONTRACTS
        for event in vars(module).values()
        if isinstance(event, type) and issubclass(event, Event) and event.__module__ == module.__name__
    }


def states() -> dict[str, type[State]]:
    """The records of state topics by `ce_type`, in the order in which they are written."""
    return {
        state.contract.ce_type: state
        for module in CONTRACTS
        for state in vars(module).values()
        if isinstance(state, type) and issubclass(state, State) and state.__module__ == module.__name__
    }

"""The contracts between services: one file per owning service, pydantic only."""

from libs.events.base import (
    UNKNOWN_KIND,
    Contract,
    Event,
    UnknownEvent,
    Visibility,
    decode,
    drop,
    event_types,
    kind_of,
    move,
    newest,
    read_as,
    since,
    upcast,
    upcasts,
)
from libs.events.state import State

__all__ = [
    "UNKNOWN_KIND", "Contract", "Event", "State", "UnknownEvent", "Visibility", "decode", "drop", "event_types", "kind_of", "move",
    "newest", "read_as", "since", "upcast", "upcasts",
]  # fmt: skip

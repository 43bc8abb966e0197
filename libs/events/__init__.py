"""The contracts between services: one file per owning service, pydantic only."""

from libs.events.base import Contract, Event, UnknownEvent, Visibility, decode, event_types, read_as, upcast, upcasts

__all__ = ["Contract", "Event", "UnknownEvent", "Visibility", "decode", "event_types", "read_as", "upcast", "upcasts"]

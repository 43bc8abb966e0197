"""The contracts between services: one file per owning service, pydantic only."""

from libs.events.base import Event, UnknownEvent, Visibility, decode, event_types, upcast

__all__ = ["Event", "UnknownEvent", "Visibility", "decode", "event_types", "upcast"]

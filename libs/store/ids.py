"""Ids: time-ordered for what people and systems start, derived for what a fact causes."""

from uuid import UUID, uuid5

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562)."""
    return uuid7()


def derived(cause: UUID, name: str) -> UUID:
    """The one id that `cause` gives to what it brings about under this name (UUIDv5): acting again meets the same row."""
    return uuid5(cause, name)

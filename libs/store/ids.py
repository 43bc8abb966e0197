"""Ids: time-ordered for what people and systems start, derived for what a fact causes."""

from uuid import UUID, uuid5

from asyncpg.pgproto import pgproto
from uuid_utils import uuid7


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562); like every id read from the database, of the driver's own UUID, which is made in C."""
    return pgproto.UUID(uuid7().bytes)


def parse_id(text: str) -> UUID:
    """The id that is written so, at a sixth of what `UUID(text)` costs. Raises ValueError."""
    return pgproto.UUID(text)


def derived(cause: UUID, name: str) -> UUID:
    """The one id that `cause` gives to what it brings about under this name (UUIDv5): acting again meets the same row."""
    return uuid5(cause, name)

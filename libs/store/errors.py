"""What the store refuses, and which trouble of its database passes. Kit says which HTTP status each becomes."""

from uuid import UUID

import asyncpg

_PASSING_CLASSES = ("08", "28", "3D", "40", "53", "57")
"""Connection, log-in, no such database, rollback, no room or memory, somebody's intervention: nothing about what was asked."""
_PASSING_STATES = frozenset(
    (
        "25006",  # read-only: it fails over
        "25P03",  # the transaction stood still for too long
        "25P04",  # or took too long
        "55006",
        "55P03",  # somebody holds a lock
        "58000",
        "58030",  # the disk
    )
)
_PASSING = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a session used between the server's last word and the end of its connection
    asyncpg.InvalidCachedStatementError,  # a migration came between; asked again it is planned anew
    TimeoutError,
)


class NotFound(LookupError):
    """No such row, or none that the caller may see: the two are not told apart."""

    def __init__(self, kind: str, id: UUID) -> None:
        super().__init__(f"There is no {kind} {id}.")
        self.kind, self.id = kind, id


class StaleRevision(Exception):
    """The caller's If-Match names another revision than the one stored."""

    def __init__(self, kind: str, id: UUID, revision: int) -> None:
        super().__init__(f"The {kind} {id} is at revision {revision} now.")
        self.kind, self.id, self.revision = kind, id, revision


class EmitRefused(RuntimeError):
    """An event was emitted where none may be: without its locked aggregate, too large, or during a rebuild."""


class EventTooLarge(EmitRefused):
    """What was asked for would be told in more bytes than an event may have."""


def passes(error: BaseException) -> bool:
    """Whether it says nothing of what was asked for, so that the same may succeed later: a caller is told to come again (503), a
    consumer, a timer or a job tries again and gives nothing up.

    Two that made the same row (a unique violation) are not among it: see libs.bus.batch.is_transient.
    """
    if isinstance(error, asyncpg.PostgresError) and not isinstance(error, _PASSING):
        state = error.sqlstate or ""
        return state.startswith(_PASSING_CLASSES) or state in _PASSING_STATES
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return error.filename is None  # of a connection, not of a file
    # asyncpg's own "this value does not fit" is an InterfaceError and a ValueError: it will never fit
    return isinstance(error, _PASSING) and not isinstance(error, ValueError)

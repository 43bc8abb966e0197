"""What the store refuses. Kit says which HTTP status each becomes."""

from uuid import UUID


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

"""What a transaction is told when it begins: whose rows it may see, which request it answers, which event it works on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol, Self
from uuid import UUID


@dataclass(frozen=True)
class Scope:
    """Whose rows a transaction may see (row-level security): `tenant` sees its accounts, `staff` and `worker` see all."""

    kind: str  # tenant | staff | worker
    accounts: frozenset[UUID] = frozenset()
    actor: str = "system"

    @classmethod
    def system(cls, name: str) -> Self:
        """A worker of this name, which is the actor of what it does."""
        return cls("worker", actor=f"system:{name}")


class Once(NamedTuple):
    """A request that has one effect however often it comes."""

    principal: str
    route: str
    key: str


Remembered = dict[object, tuple[int, Any]]
"""What was read of the reference data, with the revision at which the reading transaction began."""


class Cause(Protocol):
    """The event that a handler is working on: what its envelope says."""

    event_id: UUID
    type: str
    time: datetime
    actor: str
    account_id: UUID | None
    traceparent: str | None

"""Who does something to a case."""

from dataclasses import dataclass
from typing import cast

from libs.events.values import NoteOrigin, Role
from libs.kit.auth import Principal

_ORIGINS: dict[str, NoteOrigin] = {
    "customer": "customer", "reseller": "customer", "integrator": "customer", "partner": "partner",
    "technician": "technician",
}  # fmt: skip


@dataclass(frozen=True)
class Actor:
    by: str  # subject of the credentials
    role: Role
    name: str

    @classmethod
    def of(cls, caller: Principal) -> "Actor":
        return cls(caller.scope.actor, cast("Role", caller.role), caller.name)

    @property
    def origin(self) -> NoteOrigin:
        """Where a note of this person's comes from: whoever is not of the other sides is support."""
        return _ORIGINS.get(self.role, "support")


SYSTEM = Actor("system:cases", "system", "Poly+")

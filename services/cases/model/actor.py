"""Who does something to a case."""

from dataclasses import dataclass
from typing import TypedDict, cast

from libs.events.values import Channel, NoteOrigin, Role
from libs.kit.auth import Principal

_ORIGINS: dict[str, NoteOrigin] = {
    "customer": "customer",
    "reseller": "customer",
    "integrator": "customer",
    "partner": "partner",
    "technician": "technician",
}
_USUAL_CHANNELS: dict[str, Channel] = {"customer": "api", "reseller": "partner", "partner": "partner"}
_OPEN_TO_ALL: frozenset[Channel] = frozenset({"portal", "api", "email"})


class ByWhom(TypedDict):
    """What an event says of who did it."""

    by: str
    by_role: Role


@dataclass(frozen=True)
class Actor:
    """A caller, or the system itself. `by` is the subject of the credentials, as histories show it. Who is forgotten has no `name`."""

    by: str
    role: Role
    name: str | None

    @classmethod
    def of(cls, caller: Principal) -> "Actor":
        """The caller of a route."""
        return cls(caller.scope.actor, cast("Role", caller.role), caller.name)

    @property
    def origin(self) -> NoteOrigin:
        """Where this person's notes come from: support, unless the role belongs to one of the other sides."""
        return _ORIGINS.get(self.role, "support")

    def facts(self) -> ByWhom:
        """`by` and `by_role` of an event."""
        return {"by": self.by, "by_role": self.role}


def channel_of(caller: Principal, wanted: Channel | None) -> Channel:
    """The channel by which a request came: the one that is wanted, if this caller may say so, else the role's usual one."""
    if wanted and (caller.staff or wanted in _OPEN_TO_ALL):
        return wanted
    return _USUAL_CHANNELS.get(caller.role, "phone")


SYSTEM = Actor("system:cases", "system", "Poly+")
DEVICES = Actor("system:devices", "system", "Poly+")

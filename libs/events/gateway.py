"""What the gateway publishes about who may call. Its facts name ids, and fields by their names; never a person."""

from typing import Literal
from uuid import UUID

from libs.events.base import Event
from libs.events.state import State
from libs.events.values import Instant, Language, Role, TimeZone, Value

PersonRole = Literal["reseller", "partner", "engineer", "manager", "depot", "technician", "ops", "admin"]
"""What somebody who is no customer can act as."""


class Bound(Value):
    """Whose rows a client sees."""

    accounts: list[UUID] = []
    partner_id: UUID | None = None
    depots: list[UUID] = []
    technician_id: UUID | None = None


class ClientCreated(Event, type="polyplus.gateway.client-created", visibility="internal", subject="client_id"):
    """A client may call from now on, as this role and bound to these (S11)."""

    client_id: UUID
    role: Role
    bound: Bound
    person_id: UUID | None = None  # for whom it acts
    by: str
    created_at: Instant


class ClientChanged(Event, type="polyplus.gateway.client-changed", visibility="internal", subject="client_id"):
    """What a client is called, bound to or allowed was changed, or it got a new secret: what it is bound to now (S11)."""

    client_id: UUID
    changed: list[str]  # fields by name; `secret` among them
    bound: Bound
    person_id: UUID | None = None
    by: str
    changed_at: Instant


class ClientDisabled(Event, type="polyplus.gateway.client-disabled", visibility="internal", subject="client_id"):
    """A client may not call any more (S11)."""

    client_id: UUID
    by: str
    disabled_at: Instant


class PersonInvited(Event, type="polyplus.gateway.person-invited", visibility="internal", subject="person_id"):
    """Somebody of ours is known from now on, and may act as these (S11)."""

    person_id: UUID
    revision: int  # of the record on gateway.people that says so, here and below
    roles: list[PersonRole]
    by: str
    invited_at: Instant


class PersonChanged(Event, type="polyplus.gateway.person-changed", visibility="internal", subject="person_id"):
    """These fields of a person are other than before; what they may act as now (S11)."""

    person_id: UUID
    revision: int
    changed: list[str]  # fields by name
    roles: list[PersonRole]
    by: str
    changed_at: Instant


class PersonLeft(Event, type="polyplus.gateway.person-left", visibility="internal", subject="person_id"):
    """A person does not act any more, and another one takes over (S11)."""

    person_id: UUID
    revision: int
    successor_id: UUID
    by: str
    left_at: Instant


class PersonDisabled(Event, type="polyplus.gateway.person-disabled", visibility="internal", subject="person_id"):
    """A person may not act any more (S11)."""

    person_id: UUID
    revision: int
    by: str
    disabled_at: Instant


class PersonErased(Event, type="polyplus.gateway.person-erased", visibility="internal", subject="person_id"):
    """A person was forgotten: whoever keeps a name, an address or a number of this person deletes it (S11)."""

    person_id: UUID
    by: str
    erased_at: Instant


class PersonState(State, type="polyplus.gateway.person.v1", topic="gateway.people", key="person_id"):
    """One of our own people, as they are now: null when forgotten."""

    name: str
    display_name: str  # what customers see
    email: str | None = None
    phone: str | None = None
    language: Language
    time_zone: TimeZone
    roles: list[PersonRole]
    active: bool
    successor_id: UUID | None = None

"""What the gateway publishes about who may call. Its facts name ids, and fields by their names; never a person."""

from uuid import UUID

from libs.events.base import Event
from libs.events.values import Instant, Role, Value


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
    by: str
    created_at: Instant


class ClientChanged(Event, type="polyplus.gateway.client-changed", visibility="internal", subject="client_id"):
    """What a client is called, bound to or allowed was changed, or it got a new secret: what it is bound to now (S11)."""

    client_id: UUID
    changed: list[str]  # fields by name; `secret` among them
    bound: Bound
    by: str
    changed_at: Instant


class ClientDisabled(Event, type="polyplus.gateway.client-disabled", visibility="internal", subject="client_id"):
    """A client may not call any more (S11)."""

    client_id: UUID
    by: str
    disabled_at: Instant

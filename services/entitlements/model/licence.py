"""Software licences: what may be used, by whom, until when."""

from collections.abc import Iterable
from dataclasses import field
from datetime import date, datetime, timedelta
from typing import Literal, TypedDict
from uuid import UUID

from libs.kit.problems import Unprocessable
from libs.kit.states import StateMachine
from libs.store import Entity, UpdatedAt
from services.entitlements.model.history import Change

State = Literal["active", "expiring", "expired"]
machine: StateMachine[State] = StateMachine(
    "The licence",
    {"active": {"expiring", "expired"}, "expiring": {"active", "expired"}, "expired": {"active", "expiring"}},
    initial="active",
)
"""Back from expiring or expired: it was extended."""
EXPIRING, END = "expiring", "end"
"""Its timers: `expiring:<days>` at each distance before its end, and the first instant after its last day."""


class ImpossibleValidity(Unprocessable):
    title = "Not a possible validity"


class UnitNotRegistered(Unprocessable):
    title = "The account has no such unit"


class LicenceFacts(TypedDict):
    licence_id: UUID
    account_id: UUID
    software: str
    product_number: str | None
    serial: str | None


class Licence(
    Entity,
    table="licences",
    indexes=(
        ("account_id", "id"),
        "contract_id",
        "serial",
        ("product_number", "id"),
        ("state", "id"),
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
    ),
    unique=("key",),
):
    """`distances`: how many days before its end it is told of, by the policy when its validity was last set."""

    account_id: UUID
    key: str
    software: str
    premium: bool
    contract_id: UUID | None
    product_number: str | None
    serial: str | None
    seats: int | None
    valid_from: date
    valid_until: date | None
    state: State
    distances: list[int]
    history: list[Change]
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)

    def facts(self) -> LicenceFacts:
        """What every event of this licence says."""
        return {
            "licence_id": self.id,
            "account_id": self.account_id,
            "software": self.software,
            "product_number": self.product_number,
            "serial": self.serial,
        }

    def days_left(self, today: date) -> int | None:
        """Until its last day, negative after it; None for one without an end."""
        return None if self.valid_until is None else (self.valid_until - today).days

    def tells_on(self) -> Iterable[tuple[int, date]]:
        """Each distance and its day, the farthest first."""
        if self.valid_until:
            for days in sorted(self.distances, reverse=True):
                yield days, self.valid_until - timedelta(days=days)

    def state_on(self, today: date) -> State:
        """The state that its validity gives on this day."""
        left = self.days_left(today)
        if left is None:
            return "active"
        if left < 0:
            return "expired"
        return "expiring" if left <= max(self.distances, default=-1) else "active"

    def catch_up(self, today: date, *, at: datetime, by: str, reason: str | None = None) -> bool:
        """Goes to the state that its validity gives today; whether that is another one. Raises ForbiddenTransition."""
        wanted = self.state_on(today)
        if wanted == self.state:
            return False
        machine.check(self.state, wanted)
        self.state = wanted
        self.history = [*self.history, Change(state=wanted, at=at, by=by, reason=reason)]
        return True


def check_validity(valid_from: date, valid_until: date | None) -> None:
    """Raises ImpossibleValidity when it ends before it starts."""
    if valid_until is not None and valid_until < valid_from:
        raise ImpossibleValidity("A licence ends on the day it starts, or later.")

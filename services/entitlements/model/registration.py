"""Registered units. A registration lives on through replacements; each serial it ever had keeps its own row.

A serial's row is the claim on (product number, serial): its id is the pair's, so that no two accounts can hold it, whatever
row-level security lets either of them see.
"""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal, TypedDict
from uuid import UUID

from libs.events.entitlements import RegistrationState, registration_key
from libs.kit.problems import Conflict
from libs.kit.states import StateMachine
from libs.store import Entity, Transaction, UpdatedAt
from services.entitlements.model.history import Change

State = Literal["registered", "withdrawn"]
machine: StateMachine[State] = StateMachine(
    "The registration", {"registered": {"registered", "withdrawn"}}, initial="registered"
)
"""`registered → registered` is a move: to another site or account, or to the serial of its replacement."""


PUBLISH = "publish_registrations"
"""The timer of an account whose registrations are to be published anew."""


class CannotBeRegistered(Conflict):
    """The pair is taken. The refusal is the same whoever holds it, unless it is the caller's own account."""

    title = "This unit cannot be registered"


class RegistrationChange(Change):
    """One that was made in an account's time: no other account reads it. None: nobody but staff does."""

    account_id: UUID | None = None


class UnitInDispute(Conflict):
    title = "This unit is in dispute"


class RegistrationFacts(TypedDict):
    registration_id: UUID
    account_id: UUID
    product_number: str
    serial: str


class Registration(
    Entity,
    table="registrations",
    indexes=(
        ("account_id", "id"),
        ("site_id", "id"),
        "contact_id",
        ("product_number", "id"),
        "serial",
        ("state", "id"),
        "disputed_at",
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
    ),
):
    """`contract_id` is preferred among the account's contracts that cover the family. `firmware` is as somebody noted it: what a unit
    runs now is the device's own to tell. `disputed_at`: when another registration was found to hold the same unit.
    """

    account_id: UUID
    product_number: str
    serial: str
    family: str
    model: str
    hardware_revision: str | None
    site_id: UUID | None
    contact_id: UUID | None
    contract_id: UUID | None
    state: State
    history: list[RegistrationChange]
    created_at: datetime
    updated_at: UpdatedAt = field(init=False)
    firmware: str | None = None
    disputed_at: datetime | None = None

    def facts(self) -> RegistrationFacts:
        """What every event of this registration says."""
        return {
            "registration_id": self.id,
            "account_id": self.account_id,
            "product_number": self.product_number,
            "serial": self.serial,
        }

    def move(self, *, at: datetime, by: str, reason: str) -> None:
        """Raises ForbiddenTransition when it was withdrawn, UnitInDispute."""
        if self.disputed_at:
            raise UnitInDispute(
                "Another registration holds this unit. This one can only be withdrawn.", possible=["withdraw"]
            )
        self._become("registered", at, by, reason)

    def hand_over(self, contact_id: UUID | None, *, at: datetime, by: str, reason: str) -> None:
        """Another contact is asked about it, whatever its state."""
        self.contact_id = contact_id
        self.history = [
            *self.history,
            RegistrationChange(state=self.state, at=at, by=by, reason=reason, account_id=self.account_id),
        ]

    def transfer(self, account_id: UUID, *, at: datetime, by: str, reason: str) -> None:
        """Goes to another account, which reads that the unit came to it and no word of why. Raises as `move` does."""
        self.move(at=at, by=by, reason=reason)
        self.account_id = account_id
        self._become("registered", at, by, None)

    def withdraw(self, *, at: datetime, by: str, reason: str) -> None:
        """Raises ForbiddenTransition when it was withdrawn already."""
        self._become("withdrawn", at, by, reason)

    def _become(self, state: State, at: datetime, by: str, reason: str | None) -> None:
        machine.check(self.state, state)
        self.state = state
        self.history = [
            *self.history,
            RegistrationChange(state=state, at=at, by=by, reason=reason, account_id=self.account_id),
        ]


class RegisteredSerial(Entity, table="registered_serials", indexes=("account_id", "registration_id")):
    """`id` is `registration_key(product_number, serial)`, the key of its record on the state topic.

    `successor` is the id of the serial that took over. `disputed_at`: the unit's key stands for another claim.
    """

    account_id: UUID
    registration_id: UUID
    product_number: str
    serial: str
    replaced_by: str | None = None
    successor: UUID | None = None
    replaced_at: datetime | None = None
    disputed_at: datetime | None = None

    def publish(self, registration: Registration, plan: str | None, tx: Transaction) -> None:
        """Its record on the state topic, as it stands; one in dispute has none."""
        if self.disputed_at:
            return
        state = RegistrationState(
            account_id=self.account_id,
            site_id=registration.site_id,
            product_number=self.product_number,
            serial=self.serial,
            family=registration.family,
            plan=None if self.replaced_by else plan,
            replaced_by=self.replaced_by,
        )
        tx.publish_state(RegistrationState, state, key=self.id, account_id=self.account_id)

    def release(self, tx: Transaction) -> None:
        """Sets the pair free and removes its record."""
        tx.publish_state(RegistrationState, None, key=self.id, account_id=self.account_id)
        tx.remove(self)


class Replacement(Entity, table="replacements", indexes=("old_key", "new_serial")):
    """A whole unit that was swapped, by its RMA's id; kept until its old serial is registered, if ever.

    `account_id` is the case's; None: the fact did not tell it, then its case file does.
    """

    case_id: UUID
    old_key: UUID
    product_number: str
    old_serial: str
    new_product_number: str
    new_serial: str
    installed_at: datetime
    by: str
    account_id: UUID | None = None
    applied: bool = False

    @property
    def new_key(self) -> UUID:
        """The key of the unit that took its place."""
        return registration_key(self.new_product_number, self.new_serial)


async def claim(registrations: Sequence[Registration], tx: Transaction) -> dict[UUID, RegisteredSerial]:
    """Takes the serials for these registrations, all at once: those that were free, locked, by registration id."""
    wanted = [
        RegisteredSerial(
            id=registration_key(r.product_number, r.serial),
            account_id=r.account_id,
            registration_id=r.id,
            product_number=r.product_number,
            serial=r.serial,
        )
        for r in registrations
    ]
    return {serial.registration_id: serial for serial in await tx.claim(wanted)}


async def serials_of(registration: Registration, tx: Transaction) -> list[RegisteredSerial]:
    """All the serials that it has or had, locked."""
    return await tx.select(RegisteredSerial, RegisteredSerial.c.registration_id == registration.id, lock=True)

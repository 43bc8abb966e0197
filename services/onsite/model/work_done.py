"""What was done at a site, when and by whom. `recorded_at` is when it was told, where that was later."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from libs.events.values import InstalledPart, Instant
from services.onsite.model.work_order import Work

Side = Literal["support", "customer"]


class CheckIn(BaseModel):
    """The technician spoke with support, to whom and when."""

    engineer: str
    at: Instant
    recorded_at: Instant | None = None
    by: str


class Step(BaseModel):
    """One thing that was done at the site, and whether it passed."""

    work: Work
    name: str
    passed: bool
    note: str | None
    at: Instant
    recorded_at: Instant | None = None
    by: str


class Installed(InstalledPart):
    """One part put in, when and by whom; `reason` says why the serial of the old one cannot be read."""

    at: Instant | None = None
    recorded_at: Instant | None = None
    by: str | None = None
    reason: str | None = None

    def told(self) -> InstalledPart:
        """As our facts tell it."""
        return InstalledPart(**self.model_dump(include=set(InstalledPart.model_fields)))


class SignOff(BaseModel):
    """One side says that it works: a contact for the customer, a person for support. `name` is what was typed, or none.

    Where somebody signs in the named contact's place, `signer_role` says as what, and `reason` why; without a `contact_id` nobody knows
    more of them.
    """

    name: str | None = None
    contact_id: UUID | None = None
    person_id: UUID | None = None
    signer_role: str | None = None
    reason: str | None = None
    at: Instant
    recorded_at: Instant | None = None
    by: str
    note: str | None

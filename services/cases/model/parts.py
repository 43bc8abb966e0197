"""What a case holds within its row."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.events.values import Wait as WaitKind
from services.cases.model.lifecycle import CaseState


class Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class StateChange(Part):
    """Who brought the case into a state, when, and why."""

    state: CaseState
    at: datetime
    by: str
    reason: str


class Wait(Part):
    """Something the case waits for. `told` is how far this was published: a case that is over keeps such facts to itself."""

    id: UUID
    kind: WaitKind
    cause_id: UUID | None = None  # the RMA, work order or engagement
    note: str | None = None
    since: datetime
    by: str
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = None
    told: Literal["nothing", "began", "ended"] = "nothing"

    @property
    def stands(self) -> bool:
        return self.ended_at is None


class CoverageOverride(Part):
    covered: bool
    onsite: bool | None
    reason: str
    by: str
    at: datetime


class Coverage(Part):
    """What entitlements decided, in its highest revision; revision 0 until it has. Intake never waits for it."""

    status: Literal["pending", "covered", "not_covered"] = "pending"
    reason: str | None = None
    revision: int = 0
    plan: str | None = None
    onsite: bool = False
    overridden: bool = False
    decided_at: datetime | None = None
    override: CoverageOverride | None = None
    unknown: list[Literal["site", "contact"]] = []  # named by the request, none of the account's: left out


class Confirmation(Part):
    """The customer's word that it works: the signature on a visit, or a replacement they installed themselves."""

    cause_id: UUID
    kind: Literal["visit", "part"]
    signed_by: str
    at: datetime


class Resolution(Part):
    text: str
    cause_id: UUID | None = None
    automatic: bool = False
    by: str
    at: datetime


class Cancellation(Part):
    reason: str
    by: str
    at: datetime


class PartnerRequest(Part):
    """The customer's wish for a ticket with the cloud partner, and whether we may share the case."""

    id: UUID
    partner_id: UUID
    consent: bool
    consent_given_by: str | None
    message: str | None
    by: str
    at: datetime


class Workaround(Part):
    kind: Literal["workaround", "fix"]
    text: str
    fix_release: str | None
    problem_id: UUID | None
    diagnosis_id: UUID | None
    appropriate_because: str
    by: str
    at: datetime


class Handover(Part):
    """The case stood in a queue from this instant on."""

    queue: str
    shift: str | None
    reason: str
    by: str
    at: datetime

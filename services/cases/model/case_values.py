"""The values that a case holds within its row."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from libs.events.cases import CaseNames, Corrected, ResolvedBecause
from libs.events.values import Wait as WaitKind
from services.cases.model.lifecycle import CaseState

CoverageStatus = Literal["pending", "covered", "not_covered"]


class CaseValue(BaseModel):
    """A value without an id of its own elsewhere; rows of before may hold fields that are no more."""

    model_config = ConfigDict(extra="ignore")


class Redacted(CaseValue):
    """When, by whom and why a text or file was taken out; what it said is kept nowhere."""

    at: datetime
    by: str
    reason: str


class Correction(CaseValue):
    """What of the case was corrected, from what to what, by whom and why. `description` is what that said before."""

    id: UUID
    what: list[Corrected]
    old: CaseNames
    new: CaseNames
    description: str | None = None
    at: datetime
    by: str
    reason: str
    redacted: Redacted | None = None


class Change(CaseValue):
    """Who brought the case into a state, when, and why."""

    state: CaseState
    at: datetime
    by: str
    reason: str


class Wait(CaseValue):
    """Something the case waits for: `cause_id` is the RMA, work order or engagement.

    `told` is how far this was published: a case that is over keeps such facts to itself. `reminded`: how often a customer was.
    """

    id: UUID
    kind: WaitKind
    cause_id: UUID | None = None
    note: str | None = None
    since: datetime
    by: str
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = None
    redacted: Redacted | None = None
    told: Literal["nothing", "began", "ended"] = "nothing"
    reminded: int = 0
    reminded_at: datetime | None = None

    @property
    def stands(self) -> bool:
        """Whether it is waited for still."""
        return self.ended_at is None

    def facts(self) -> dict[str, Any]:
        """What the events about its beginning and its end both say."""
        return {"wait_id": self.id, "wait": self.kind, "cause_id": self.cause_id}


class CoverageOverride(CaseValue):
    """A manager's decision on this one case. `onsite` None: as the contract has it."""

    covered: bool
    onsite: bool | None
    reason: str
    by: str
    at: datetime


class Coverage(CaseValue):
    """What entitlements decided, in its highest revision; revision 0 until it has. Intake never waits for it.

    `unknown` names what the request named and the account does not have: it was left out. `contact_id` is who is asked now.
    `region` and `time_zone` are the site's.
    """

    status: CoverageStatus = "pending"
    reason: str | None = None
    revision: int = 0
    plan: str | None = None
    onsite: bool = False
    overridden: bool = False
    decided_at: datetime | None = None
    override: CoverageOverride | None = None
    unknown: list[Literal["site", "contact"]] = []
    contact_id: UUID | None = None
    region: str | None = None
    time_zone: str | None = None


class Confirmation(CaseValue):
    """The customer's word that it works: the signature on a visit, a replacement they installed themselves, just the word, or silence."""

    cause_id: UUID
    kind: ResolvedBecause
    # The release before reads it.
    signed_by: str = ""
    at: datetime


class Resolution(CaseValue):
    """Why the trouble is over. `automatic`: the facts said so, and nobody of ours; `reason` is which of them."""

    text: str
    cause_id: UUID | None = None
    automatic: bool = False
    reason: ResolvedBecause | None = None
    by: str
    at: datetime
    redacted: Redacted | None = None


class Cancellation(CaseValue):
    """The customer's wish to cancel, while it is assessed."""

    reason: str
    by: str
    at: datetime


class PartnerRequest(CaseValue):
    """The customer's wish for a ticket with the cloud partner, and whether we may share the case.

    Consent is that of the contact of `contact_id`, or of whom somebody typed (`consent_given_by`, told to nobody), or else the wish's
    own, `by`.
    """

    id: UUID
    partner_id: UUID
    consent: bool
    consent_given_by: str | None
    contact_id: UUID | None = None
    message: str | None
    by: str
    at: datetime


class Workaround(CaseValue):
    """What helps until there is more, or the fix itself, and why it is the appropriate response."""

    kind: Literal["workaround", "fix"]
    text: str
    fix_release: str | None
    problem_id: UUID | None
    diagnosis_id: UUID | None
    appropriate_because: str
    by: str
    at: datetime


class Handover(CaseValue):
    """The case stood in a queue from this instant on."""

    queue: str
    shift: str | None
    reason: str
    by: str
    at: datetime

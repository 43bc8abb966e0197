"""What cases publishes about a service request from its opening to its end. Diagnoses, problems and notes: the files beside."""

import re
from typing import Any, Literal
from uuid import UUID

from libs.events.base import Event, drop, since
from libs.events.labels import ProductNumber, Serial
from libs.events.values import (
    Channel,
    Impact,
    Instant,
    Language,
    Priority,
    Role,
    Seconds,
    Severity,
    Value,
    Wait,
)

ResolvedBecause = Literal["visit", "part", "works", "customer_silent"]
"""How a case resolves by itself: a visit was signed for, the customer installed a part, said that it works, or did not answer."""


class ExternalIdentifier(Value):
    """What another system calls this case."""

    owner: str
    id: str


class CaseOpened(Event, type="polyplus.cases.case-opened", version=2, visibility="public", subject="case_id"):
    """A request was taken, by whatever channel, before anybody knew whether it is covered (S1, S12, S18)."""

    case_id: UUID
    number: str
    account_id: UUID
    contact_id: UUID | None = None
    channel: Channel
    description: str
    observed_impact: Impact
    severity: Severity
    priority: Priority
    product_number: ProductNumber | None = None
    serial: Serial | None = None
    no_product_reason: str | None = None
    site_id: UUID | None = None  # where no product tells it
    language: Language
    opened_at: Instant
    parent_id: UUID | None = None
    follow_up_of: UUID | None = None
    split_from: UUID | None = None  # the case of which it was a part until now
    duplicate_of: list[UUID] = []
    alert_id: UUID | None = None  # the device alert that opened it
    external_identifiers: list[ExternalIdentifier] = []
    by: str
    by_role: Role


since(CaseOpened, 2, drop("reporter_name"))


class CaseRouted(Event, type="polyplus.cases.case-routed", visibility="public", subject="case_id"):
    """The case stands in the queue of the shift on duty; a hand-over's note goes out as an internal note (S1)."""

    case_id: UUID
    queue: str
    previous_queue: str | None = None
    previous_assignee_id: UUID | None = None  # who had it until it was handed over, maybe within its queue
    shift: str | None = None
    reason: str
    by: str
    routed_at: Instant


class OpenCase(Value):
    """A case that is open, and who has it."""

    case_id: UUID
    assignee_id: UUID | None = None  # a person; none while nobody has taken it


class ShiftEndsWithOpenCases(
    Event, type="polyplus.cases.shift-ends-with-open-cases", visibility="internal", subject="queue_id"
):
    """A queue's shift is about to end, and these P1s are open: what is not handed over by then goes to the queue on duty (S1)."""

    queue_id: UUID
    queue: str
    shift: str
    cases: list[OpenCase]
    ends_at: Instant
    told_at: Instant


class CaseAssigned(Event, type="polyplus.cases.case-assigned", version=2, visibility="public", subject="case_id"):
    """An engineer has the case; work on it begins if it had not (S1)."""

    case_id: UUID
    assignee_id: UUID | None = None  # a person; none where an older fact named nobody by id
    previous_assignee_id: UUID | None = None
    queue: str | None = None
    reason: str | None = None
    by: str
    by_role: Role
    assigned_at: Instant


_BY_ID = re.compile(r"[a-z]+:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


def _assignees_by_id(data: dict[str, Any]) -> dict[str, Any]:
    """Once it was `role:<id>`, or any text."""

    def id_of(subject: object) -> str | None:
        found = _BY_ID.fullmatch(subject) if isinstance(subject, str) else None
        return found[1] if found else None

    ids = {"assignee_id": id_of(data.get("assignee")), "previous_assignee_id": id_of(data.get("previous_assignee"))}
    return data | {name: id for name, id in ids.items() if id}


since(CaseAssigned, 2, _assignees_by_id, drop("assignee", "assignee_name", "assignee_email", "previous_assignee"))


class SeverityChanged(Event, type="polyplus.cases.severity-changed", visibility="public", subject="case_id"):
    """Our severity, and the priority that follows from it, changed for a reason; the customer's own stays beside it (S18)."""

    case_id: UUID
    old_severity: Severity
    severity: Severity
    old_priority: Priority
    priority: Priority
    customer_severity: Severity
    reason: str
    by: str
    by_role: Role
    changed_at: Instant


class CasePending(Event, type="polyplus.cases.case-pending", visibility="public", subject="case_id"):
    """One more thing is waited for; a wait on the customer says what is needed (S8, S18)."""

    case_id: UUID
    wait_id: UUID
    wait: Wait
    cause_id: UUID | None = None  # the RMA, work order or engagement that is waited for
    note: str | None = None
    waits: list[Wait]  # all that stand now, this one included
    takes_back_resolution: bool = False  # the case had been resolved by itself, too early
    by: str
    since: Instant


class CaseResumed(Event, type="polyplus.cases.case-resumed", visibility="public", subject="case_id"):
    """One wait ended; the case is worked again once none is left (S8, S18)."""

    case_id: UUID
    wait_id: UUID
    wait: Wait
    cause_id: UUID | None = None
    waits: list[Wait] = []  # that still stand
    reason: str
    waited_seconds: Seconds
    by: str
    resumed_at: Instant


class CustomerReminded(Event, type="polyplus.cases.customer-reminded", visibility="public", subject="case_id"):
    """The customer owes us an answer and was asked for it again; what is needed stands in the wait (S18)."""

    case_id: UUID
    wait_id: UUID
    reminder: int  # 1 for the first one of this wait; what was missed is not made up for
    contact_id: UUID | None = None
    waiting_since: Instant
    resolves_at: Instant | None = None  # the case, if nobody answers; none while something else is waited for
    reminded_at: Instant


class CaseResolved(Event, type="polyplus.cases.case-resolved", version=2, visibility="public", subject="case_id"):
    """The trouble is over, with the downtime it cost where the product was down (S3, S18, S27)."""

    case_id: UUID
    resolution: str
    cause_id: UUID | None = None  # the visit, RMA or engagement that brought it
    automatic: bool = False
    reason: ResolvedBecause | None = None  # how it resolved by itself
    closing_code: str | None = None  # of the list that managers keep; none where it resolved by itself
    downtime_seconds: Seconds | None = None
    closes_at: Instant | None = None
    by: str
    by_role: Role
    resolved_at: Instant


_SIGNED = {
    "Repaired on site; {} signed for it.": "the customer",
    "Đã sửa tại chỗ; {} đã ký xác nhận.": "khách hàng",
    "The replacement works, {} confirms.": "the customer",
    "{} xác nhận linh kiện thay thế hoạt động tốt.": "Khách hàng",
}
"""How version 1 said by itself that it is over, with the name of who signed; and who that is since."""


def _nobody_signed(data: dict[str, Any]) -> dict[str, Any]:
    """What was typed stays as it is."""
    said = data.get("resolution")
    for phrase, customer in _SIGNED.items():
        before, after = phrase.split("{}")
        if data.get("automatic") and isinstance(said, str) and said.startswith(before) and said.endswith(after):
            return {**data, "resolution": phrase.format(customer)}
    return data


since(CaseResolved, 2, _nobody_signed)


class CaseReopened(Event, type="polyplus.cases.case-reopened", visibility="public", subject="case_id"):
    """A resolved case is not over after all; what is measured starts a new epoch (S18)."""

    case_id: UUID
    epoch: int  # 1 at opening, one more with each reopening
    assignee_id: UUID | None = None  # who goes on with it
    reason: str  # `customer_word`: a note of theirs, which is told before
    by: str
    by_role: Role
    reopened_at: Instant


class CaseClosed(Event, type="polyplus.cases.case-closed", visibility="public", subject="case_id"):
    """A resolved case was closed by the customer, by us, or by time; only a follow-up case goes on from here (S18)."""

    case_id: UUID
    automatic: bool = False
    reason: str | None = None
    closing_code: str | None = None  # of the list that managers keep
    by: str
    by_role: Role
    closed_at: Instant


class CancellationRequested(
    Event, type="polyplus.cases.cancellation-requested", visibility="public", subject="case_id"
):
    """The customer no longer wants the case; it is assessed before it ends (S18)."""

    case_id: UUID
    reason: str
    by: str
    by_role: Role
    requested_at: Instant


class CancellationDeclined(Event, type="polyplus.cases.cancellation-declined", visibility="public", subject="case_id"):
    """The case goes on as it was before its cancellation was asked for (S18)."""

    case_id: UUID
    back_to: Literal["acknowledged", "in_progress", "pending", "reopened"]
    reason: str
    by: str
    by_role: Role
    declined_at: Instant


class CancellationWithdrawn(
    Event, type="polyplus.cases.cancellation-withdrawn", visibility="public", subject="case_id"
):
    """The customer wants the case after all; it goes on as it was before its cancellation was asked for (S18)."""

    case_id: UUID
    back_to: Literal["acknowledged", "in_progress", "pending", "reopened"]
    reason: str | None = None  # None: nothing was said
    by: str
    by_role: Role
    withdrawn_at: Instant


class CaseCancelled(Event, type="polyplus.cases.case-cancelled", visibility="public", subject="case_id"):
    """The case ended without an outcome: everybody stops what has not shipped or begun (S18)."""

    case_id: UUID
    reason: str
    by: str
    by_role: Role
    cancelled_at: Instant


Corrected = Literal["unit", "site", "contact", "language", "description", "parent", "duplicates"]


class CaseNames(Value):
    """What a case names, by value and id; of what was corrected alone."""

    product_number: ProductNumber | None = None
    serial: Serial | None = None
    site_id: UUID | None = None
    contact_id: UUID | None = None
    language: Language | None = None
    parent_id: UUID | None = None
    duplicate_of: list[UUID] = []


class CaseCorrected(Event, type="polyplus.cases.case-corrected", visibility="public", subject="case_id"):
    """What a case said was wrong and is right now; its cover is decided for that as of the opening, its clocks keep their start (S18)."""

    case_id: UUID
    correction_id: UUID
    what: list[Corrected]
    old: CaseNames
    new: CaseNames
    description: str | None = None  # the new one, where that was corrected
    reason: str
    by: str
    by_role: Role
    corrected_at: Instant


class CasesMerged(Event, type="polyplus.cases.cases-merged", visibility="public", subject="case_id"):
    """The case is a duplicate and goes on as another one; that it is closed is told right after (S18)."""

    case_id: UUID
    into: UUID
    opened_at: Instant  # the duplicate, or what was merged into it before, if that was earlier
    reason: str
    by: str
    by_role: Role
    merged_at: Instant


class CaseSplit(Event, type="polyplus.cases.case-split", visibility="public", subject="case_id"):
    """Something else that was in the case goes on as one of its own, which was opened for it; diagnoses, parts and visits stay (S18)."""

    case_id: UUID
    into: UUID
    reason: str
    by: str
    by_role: Role
    split_at: Instant


class CoverageOverridden(Event, type="polyplus.cases.coverage-overridden", visibility="public", subject="case_id"):
    """A manager decided the cover of this case; entitlements answers with a CoverageDecided that the others obey (S2)."""

    case_id: UUID
    covered: bool
    onsite: bool | None = None  # None: as the contract has it
    reason: str
    by: str
    overridden_at: Instant


class CoverageOverrideWithdrawn(
    Event, type="polyplus.cases.coverage-override-withdrawn", visibility="public", subject="case_id"
):
    """A manager took the word on this case's cover back; entitlements decides by the contract again (S2)."""

    case_id: UUID
    reason: str
    by: str
    withdrawn_at: Instant

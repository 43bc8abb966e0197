"""What escalation publishes: clocks, breached thresholds, and the people who were called."""

from typing import Literal
from uuid import UUID

from libs.events.base import Event, drop, move, since
from libs.events.values import Instant, Priority, Recipient, Seconds, Wait

ClockKind = Literal["first_response", "update", "resolution"]


class ClockStarted(Event, type="polyplus.escalation.clock-started", visibility="internal", subject="clock_id"):
    """A clock runs against a case, due at an instant of the policy's calendar; told again, with the same `clock_id`, when severity
    or policy moves what is due (S24)."""

    clock_id: UUID
    case_id: UUID
    clock: ClockKind
    epoch: int
    priority: Priority
    target_seconds: Seconds  # of the policy's calendar
    policy_version: int
    started_at: Instant
    due_at: Instant


class ClockPaused(Event, type="polyplus.escalation.clock-paused", visibility="internal", subject="clock_id"):
    """A resolution clock stands still while the customer or the partner is waited for (S24)."""

    clock_id: UUID
    case_id: UUID
    clock: ClockKind
    epoch: int
    wait: Wait
    remaining_seconds: int  # below 0: already late
    paused_at: Instant


class ClockResumed(Event, type="polyplus.escalation.clock-resumed", visibility="internal", subject="clock_id"):
    """A paused clock runs again, due later by what it stood still (S24)."""

    clock_id: UUID
    case_id: UUID
    clock: ClockKind
    epoch: int
    paused_seconds: Seconds  # in all, of this epoch
    resumed_at: Instant
    due_at: Instant


class ClockMet(Event, type="polyplus.escalation.clock-met", visibility="internal", subject="clock_id"):
    """What the clock measured was done, in time or late (S4, S24)."""

    clock_id: UUID
    case_id: UUID
    clock: ClockKind
    epoch: int
    elapsed_seconds: Seconds
    in_time: bool
    due_at: Instant
    missed_at: Instant | None = None  # when it was due under the severity and numbers of then, of one that was missed
    met_at: Instant


class ClockStopped(Event, type="polyplus.escalation.clock-stopped", visibility="internal", subject="clock_id"):
    """Nothing is left to measure: the case ended, or the clock gave way to another (S24)."""

    clock_id: UUID
    case_id: UUID
    clock: ClockKind
    epoch: int
    reason: str
    missed_at: Instant | None = None  # as of one that was met: it had been due before it stopped
    stopped_at: Instant


class ThresholdBreached(
    Event, type="polyplus.escalation.threshold-breached", version=2, visibility="internal", subject="case_id"
):
    """A case passed a threshold, once per rule, percent, epoch and round; the recipients are to be told now (S24)."""

    case_id: UUID
    breach_id: UUID
    rule: str  # first_response, update, resolution (the clock of that name), age, no_progress, reopenings, repeat_replacement, contract_date_missed, partner_silence, customer_request
    clock: ClockKind | None = None
    percent: int | None = None
    epoch: int
    round: int = 0  # of what begins anew: `update` with each word to the customer, `no_progress` with each step
    priority: Priority
    due_at: Instant  # when the threshold lay
    breached_at: Instant
    raises_escalation: bool = False
    explanation: str
    recipients: list[Recipient]


since(ThresholdBreached, 2, drop("recipients.name", "recipients.address", "recipients.language"))


class EscalationRaised(
    Event, type="polyplus.escalation.escalation-raised", visibility="public", subject="escalation_id"
):
    """The management team has the case; who is called is told by EscalationStepped, the first step at once (S23, S24)."""

    escalation_id: UUID
    case_id: UUID
    number: str
    reason: str  # the rule that was breached, or customer_request, or manager
    breach_id: UUID | None = None
    priority: Priority
    by: str
    raised_at: Instant


class EscalationStepped(
    Event, type="polyplus.escalation.escalation-stepped", version=2, visibility="internal", subject="escalation_id"
):
    """A step of the policy frozen at the trigger began: its recipients are to be told now (S23, S24)."""

    escalation_id: UUID
    case_id: UUID
    step: int  # from 1
    repeat: int = 0  # how often the whole policy had been gone through before
    acknowledgements_wanted: int = 1
    reached_nobody: bool = False  # of those whom the step names: the next one follows at once
    reasons: list[str] = []  # what raised it, then what joined it, each once; empty in older events
    recipients: list[Recipient]
    next_step_at: Instant | None = None
    stepped_at: Instant


since(EscalationStepped, 2, drop("recipients.name", "recipients.address", "recipients.language"))


class BreachJoined(Event, type="polyplus.escalation.breach-joined", visibility="internal", subject="escalation_id"):
    """What calls for an escalation came while one was open for the case, which goes on for that too: who holds it and service
    management are to be told now, and while nobody holds it the next step tells (S23, S24)."""

    escalation_id: UUID
    case_id: UUID
    reason: str  # the rule that was breached, or customer_request, or manager
    breach_id: UUID | None = None
    recipients: list[Recipient]  # empty while nobody holds it
    by: str
    joined_at: Instant


class EscalationAcknowledged(
    Event, type="polyplus.escalation.escalation-acknowledged", version=2, visibility="internal", subject="escalation_id"
):
    """Somebody took it up; the step is silenced once as many did as it wants (S23)."""

    escalation_id: UUID
    case_id: UUID
    step: int
    still_wanted: int = 0
    by: str
    acknowledged_at: Instant


since(EscalationAcknowledged, 2, drop("by_name"))


class EscalationUnacknowledged(
    Event,
    type="polyplus.escalation.escalation-unacknowledged",
    version=2,
    visibility="internal",
    subject="escalation_id",
):
    """Whoever took it up was silent for too long, so it calls again (S23)."""

    escalation_id: UUID
    case_id: UUID
    step: int
    person_id: UUID | None = None  # who; None in older events
    silent_seconds: Seconds
    unacknowledged_at: Instant


since(EscalationUnacknowledged, 2, drop("acknowledged_by"))


class EscalationUnanswered(
    Event, type="polyplus.escalation.escalation-unanswered", version=2, visibility="internal", subject="escalation_id"
):
    """All steps were gone through as often as the policy says and nobody took it up; service management and the admins are to be told
    now, and each hour (the policy says how often) until somebody does (S23, S24)."""

    escalation_id: UUID
    case_id: UUID
    number: str
    priority: Priority
    recipients: list[Recipient]
    call: int = 1  # which of these calls, from 1
    next_call_at: Instant | None = None  # None in older events
    unanswered_at: Instant  # since when, the same in each call


since(EscalationUnanswered, 2, drop("recipients.name", "recipients.address", "recipients.language"))


class ExpertEngaged(
    Event, type="polyplus.escalation.expert-engaged", version=2, visibility="internal", subject="escalation_id"
):
    """An expert from anywhere in the company was found by skill and is invited (S23)."""

    escalation_id: UUID
    case_id: UUID
    expert_id: UUID
    person_id: UUID | None = None  # who joins; None in older events
    skills: list[str]
    reason: str
    by: str
    engaged_at: Instant


since(ExpertEngaged, 2, move("expert.id", "expert_id"), drop("expert"))


class EscalationHandedOver(
    Event, type="polyplus.escalation.escalation-handed-over", version=2, visibility="internal", subject="escalation_id"
):
    """Another person answers for it now (S23)."""

    escalation_id: UUID
    case_id: UUID
    person_id: UUID
    previous_person_id: UUID | None = None  # None in older events
    note: str
    by: str
    handed_over_at: Instant


since(EscalationHandedOver, 2, move("to.id", "person_id"), drop("to", "previous"))


class EscalationResolved(
    Event, type="polyplus.escalation.escalation-resolved", visibility="public", subject="escalation_id"
):
    """The escalation is over: solved, or ended with its case (S23)."""

    escalation_id: UUID
    case_id: UUID
    resolution: str
    automatic: bool = False
    by: str
    resolved_at: Instant


class RotaGapAhead(Event, type="polyplus.escalation.rota-gap-ahead", visibility="internal", subject="rota_id"):
    """Nobody is on call in a stretch that comes; told once for each, and service management is to be told now (S24)."""

    rota_id: UUID
    rota: str  # as it is called
    starts: Instant
    ends: Instant  # as far as was looked, some weeks
    recipients: list[Recipient]
    told_at: Instant


class AssigneeProposed(Event, type="polyplus.escalation.assignee-proposed", visibility="internal", subject="case_id"):
    """Somebody is chosen for a case that nobody has; or, where no person is named, whoever has it did not act on it in time, and it is to
    go back into its queue. Cases does so unless somebody was quicker (S1)."""

    proposal_id: UUID
    case_id: UUID
    person_id: UUID | None = None  # None: back into the queue
    queue: str | None = None  # the one in which it waited; None: of a case that is taken back none need be known
    previous_person_id: UUID | None = None  # who did not act
    assigned_at: Instant | None = None  # since when they had it
    idle_since: Instant | None = None  # from when on they have not acted: then, or since the case was reopened
    why: Literal["skill_and_load", "not_acted"]
    proposed_at: Instant

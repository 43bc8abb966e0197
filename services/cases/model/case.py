"""The case: a customer's request from intake to its end. Its state is derived from the facts that it holds."""

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import field
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import sqlalchemy as sa

from libs.events.cases import ExternalIdentifier
from libs.events.values import Channel, Impact, Language, Priority, Severity
from libs.events.values import Wait as WaitKind
from libs.kit.case_files import CaseClosedToCommands
from libs.kit.commands import NotPossibleNow
from libs.store import Entity, UpdatedAt
from services.cases.model.actor import Actor
from services.cases.model.case_texts import said
from services.cases.model.case_values import (
    Cancellation,
    Change,
    Confirmation,
    Correction,
    Coverage,
    Handover,
    PartnerRequest,
    Redacted,
    Resolution,
    Wait,
    Workaround,
)
from services.cases.model.due import ANSWERS, Due, RunningClock, first_due, kept
from services.cases.model.lifecycle import REFUSING, WORKABLE, CaseState, Workable, machine
from services.cases.model.queue import Choice, Queue
from services.cases.model.wording import say

AUTO_CLOSE, SHIFT, PASS_ON, SILENCE = "auto_close", "shift", "pass_on", "silence"
"""Timers of a case: it closes unless somebody objects; the shift of its queue ends; who has it has left; the customer does not answer."""
CUSTOMER_SILENT: Literal["customer_silent"] = "customer_silent"
"""The reason of what follows from what the customer did not say."""
CUSTOMER_WORD = "customer_word"
"""The reason of what follows from what the customer said."""
BY_HAND = "handed over"
"""The reason of a change of queue that an engineer made."""


class Case(
    Entity,
    table="cases",
    indexes=(
        ("opened_at", "id"),
        ("account_id", "opened_at", "id"),
        ("state", "opened_at", "id"),
        ("severity", "opened_at", "id"),
        ("priority", "opened_at", "id"),
        ("queue", "opened_at", "id"),
        ("queue", "state"),
        ("serial", "account_id"),
        ("contact_id", "state"),
        ("updated_at", "id"),
        ("account_id", "updated_at", "id"),
    ),
    unique=("number",),
):
    """A service request. A command gets it of `case_for`, which asks `COMMANDS`; facts of other services are recorded whatever the state.

    `severity` is ours, `customer_severity` theirs. `assignee` is a person's id. `family` and `country` are as CoverageDecided tells. `duplicate_of`
    holds the likely duplicates that were open when this one came. An epoch begins with each reopening; `worked_epoch` is
    the last one in which somebody took the case up. `first_opened_at` is the earliest opening of what was merged into it, where that
    was before its own. `incident_id` and `is_incident`: model/incident.py.
    """

    account_id: UUID
    number: str
    state: CaseState = "acknowledged"
    channel: Channel
    description: str
    observed_impact: Impact
    customer_severity: Severity
    severity: Severity
    priority: Priority
    product_number: str | None = None
    serial: str | None = None
    no_product_reason: str | None = None
    family: str | None = None
    country: str | None = None
    coverage: Coverage = field(default_factory=Coverage)
    site_id: UUID | None = None
    contact_id: UUID | None = None
    language: Language
    reporter_name: str | None
    opened_by: str
    opened_at: datetime
    updated_at: UpdatedAt = field(init=False)
    external_identifiers: list[ExternalIdentifier] = field(default_factory=list)
    alert_id: UUID | None = None
    parent_id: UUID | None = None
    follow_up_of: UUID | None = None
    duplicate_of: list[UUID] = field(default_factory=list)
    merged_into: UUID | None = None
    incident_id: UUID | None = None
    is_incident: Annotated[bool, sa.DefaultClause("false")] = False
    split_from: UUID | None = None
    first_opened_at: datetime | None = None
    queue: str | None = None
    shift: str | None = None
    queue_history: list[Handover] = field(default_factory=list)
    assignee: UUID | None = None
    assigned_at: datetime | None = None
    first_response_at: datetime | None = None
    expected_resolution_at: datetime | None = None
    problem_id: UUID | None = None
    waits: list[Wait] = field(default_factory=list)
    workarounds: list[Workaround] = field(default_factory=list)
    partner_requests: list[PartnerRequest] = field(default_factory=list)
    proposed_resolution: str | None = None
    confirmations: list[Confirmation] = field(default_factory=list)
    resolution: Resolution | None = None
    resolved_at: datetime | None = None
    closes_at: datetime | None = None
    closed_at: datetime | None = None
    closing_code: str | None = None
    tags: Annotated[list[str], sa.DefaultClause("[]")] = field(default_factory=list)
    cancellation: Cancellation | None = None
    epoch: int = 1
    epoch_began_at: datetime
    worked_epoch: int = 0
    history: list[Change] = field(default_factory=list)
    description_redacted: Redacted | None = None
    corrections: Annotated[list[Correction], sa.DefaultClause("[]")] = field(default_factory=list)
    clocks: Annotated[list[RunningClock], sa.DefaultClause("[]")] = field(default_factory=list)
    next_due_at: datetime | None = None
    text_words: Annotated[tuple[str, ...], sa.DefaultClause("[]")] = field(init=False)

    def to_row(self) -> tuple[Any, ...]:
        """With the words that it says by now."""
        told = self.resolution.text if self.resolution else None
        self.text_words = said(self.description, told, label=self.serial)
        return super().to_row()

    def facts(self) -> dict[str, Any]:
        """The fields by name, as `CaseOpened` takes them."""
        return {"case_id": self.id, **vars(self)}

    def must_be_in(self, states: AbstractSet[CaseState]) -> None:
        """For a command. Raises CaseClosedToCommands or NotPossibleNow."""
        if self.state in states:
            return
        if self.state not in REFUSING:
            raise NotPossibleNow(self.number, self.state)
        more: dict[str, Any] = {}
        if self.merged_into:
            more["merged_into"] = str(self.merged_into)
        elif self.state in {"closed", "cancelled"}:
            more["follow_up"] = {"path": "/v1/cases", "follow_up_of": str(self.id)}
        raise CaseClosedToCommands(self.state, **more)

    def become(self, to: CaseState, at: datetime, by: str, reason: str) -> None:
        """Raises ForbiddenTransition."""
        machine.check(self.state, to)
        self.state = to
        self.history.append(Change(state=to, at=at, by=by, reason=reason))

    def takes_children_of(self, account_id: UUID) -> bool:
        """Whether a case of this account may be its child: a parent is open and no child itself."""
        return self.account_id == account_id and self.parent_id is None and self.state not in REFUSING

    @property
    def heard_of_at(self) -> datetime:
        """When this, or what was merged into it, was opened first."""
        return self.first_opened_at or self.opened_at

    def take_over(self, duplicate: "Case") -> None:
        """What others call the duplicate, they call this from now on; and its clocks start where the duplicate's did, if that was earlier."""
        theirs = [each for each in duplicate.external_identifiers if each not in self.external_identifiers]
        self.external_identifiers = [*self.external_identifiers, *theirs]
        duplicate.external_identifiers, duplicate.merged_into = [], self.id
        if duplicate.heard_of_at < self.heard_of_at:
            self.first_opened_at = duplicate.heard_of_at

    # --- who works on it ------------------------------------------------------------------------------------------

    @property
    def untaken(self) -> bool:
        """Worked on, but nobody's yet: it goes where somebody is on duty."""
        return self.state in WORKABLE and self.assignee is None

    def take_up(self) -> None:
        """Somebody works on it: assignment, diagnosis, or a fact that presupposes one."""
        self.worked_epoch = self.epoch

    def put_in_queue(self, choice: Choice, reason: str, by: str, at: datetime) -> bool:
        """Whether that is another queue than the one in which it stands."""
        if choice.queue == self.queue:
            return False
        self.queue, self.shift = choice.queue, choice.shift
        self.queue_history.append(Handover(queue=choice.queue, shift=choice.shift, reason=reason, by=by, at=at))
        return True

    def stays_in_queue(self, changed: Queue) -> bool:
        """Whether it stays although a queue has changed.

        A queue that an engineer chose keeps the case until its shift ends, unless that queue is no more.
        """
        by_hand = bool(self.queue_history) and self.queue_history[-1].reason == BY_HAND
        return by_hand and (changed.active or self.queue != changed.code)

    # --- facts ----------------------------------------------------------------------------------------------------

    def begin_wait(
        self,
        id: UUID,
        kind: WaitKind,
        *,
        since: datetime,
        by: str,
        cause_id: UUID | None = None,
        note: str | None = None,
    ) -> None:
        """One wait for each cause: what is waited for already is not waited for twice. Who is asked anew is silent no more."""
        if cause_id and any(w.stands and (w.kind, w.cause_id) == (kind, cause_id) for w in self.waits):
            return
        if kind == "customer":
            self.confirmations = [c for c in self.confirmations if c.kind != CUSTOMER_SILENT]
        self.waits.append(Wait(id=id, kind=kind, cause_id=cause_id, note=note, since=since, by=by))
        self.waits.sort(key=lambda w: (w.since, w.id))
        self.take_up()

    def end_waits(self, ending: Iterable[Wait], *, at: datetime, by: str, reason: str) -> None:
        """Ends those that stand, never before they began."""
        for wait in ending:
            if wait.stands:
                wait.ended_at, wait.ended_by, wait.end_reason = max(at, wait.since), by, reason

    @property
    def shares(self) -> bool:
        """Whether there is a partner that the case may be shared with."""
        return any(self.shares_with(each.partner_id) for each in self.partner_requests)

    def shares_with(self, partner_id: UUID) -> bool:
        """Whether the customer's last word about this partner was consent."""
        asked = [each for each in self.partner_requests if each.partner_id == partner_id]
        return bool(asked) and asked[-1].consent

    def waits_for(self, cause_id: UUID, kind: WaitKind | None = None) -> list[Wait]:
        """The waits that this RMA, work order or engagement caused, of one kind or of all."""
        return [w for w in self.waits if w.cause_id == cause_id and kind in (None, w.kind)]

    @property
    def standing_waits(self) -> list[WaitKind]:
        """What is waited for now."""
        return [w.kind for w in self.waits if w.stands]

    def confirm(self, confirmation: Confirmation) -> None:
        """The customer says that it works. Their word alone begins no work."""
        if confirmation.kind != "works":
            self.take_up()
        if confirmation not in self.confirmations:
            self.confirmations.append(confirmation)
            self.confirmations.sort(key=lambda c: (c.at, c.cause_id))

    @property
    def confirmation(self) -> Confirmation | None:
        """The first since the case was (re)opened: an objection outlives every word before it."""
        return next((c for c in self.confirmations if c.at >= self.epoch_began_at), None)

    def take_back_word(self) -> None:
        """The customer has more to say: that it works, or their silence, counts no more. What was signed or installed does."""
        self.confirmations = [c for c in self.confirmations if c.kind in ("visit", "part")]

    def leave_out(self, unknown: Collection[Literal["site", "contact"]]) -> str | None:
        """Takes away what the request named and the account does not have; what is to be said of it, if that is news."""
        news = [what for what in unknown if what not in self.coverage.unknown]
        if "site" in news:
            self.site_id = None
        if "contact" in news:
            self.contact_id = None
        return " ".join(say(f"{what}_left_out", self.language) for what in news) or None

    @property
    def unresolved_state(self) -> Workable:
        """What the facts say while nothing has resolved it."""
        if self.worked_epoch == self.epoch:
            return "pending" if self.standing_waits else "in_progress"
        return "acknowledged" if self.epoch == 1 else "reopened"

    def downtime(self) -> timedelta | None:
        """From when we heard of it to the resolution, where the product was down."""
        if self.observed_impact != "down" or self.resolved_at is None:
            return None
        return max(self.resolved_at - self.heard_of_at, timedelta(0))

    # --- what is due ----------------------------------------------------------------------------------------------

    def keep_clock(self, told: RunningClock) -> None:
        self._due_by(kept(self.clocks, told))

    def end_clock(self, clock_id: UUID) -> None:
        self._due_by([each for each in self.clocks if each.clock_id != clock_id])

    def _due_by(self, clocks: list[RunningClock]) -> None:
        self.clocks = clocks
        self.next_due_at = due.at if (due := self.next_due) else None

    @property
    def next_due(self) -> Due | None:
        """The clock that is due first of those that run."""
        return first_due(self.clocks)

    @property
    def answer_by(self) -> datetime | None:
        """When the customer may expect our next word."""
        due = first_due([each for each in self.clocks if each.clock in ANSWERS])
        return due.at if due else None

    # --- what must go ---------------------------------------------------------------------------------------------

    def take_out(self, texts: Collection[str], instead: str) -> None:
        """Where a history, a proposal or the resolution that stands repeats one of these texts, it says this instead."""
        self.history = [c.model_copy(update={"reason": instead}) if c.reason in texts else c for c in self.history]
        for correction in self.corrections:
            correction.reason = instead if correction.reason in texts else correction.reason
        if self.proposed_resolution in texts:
            self.proposed_resolution = instead

    # --- commands -------------------------------------------------------------------------------------------------

    def answer(self, at: datetime) -> timedelta | None:
        """Support has written to the customer; how long after we heard of it, if that was the first time."""
        if self.first_response_at is not None:
            return None
        self.first_response_at = at
        return max(at - self.heard_of_at, timedelta(0))

    def resolve(self, text: str, actor: Actor, at: datetime, cause_id: UUID | None = None) -> None:
        """An engineer says that the trouble is over."""
        self.become("resolved", at, actor.by, text)
        self.resolution = Resolution(text=text, cause_id=cause_id, by=actor.by, at=at)
        self.resolved_at = at

    def close(self, by: str, at: datetime, reason: str) -> None:
        self.become("closed", at, by, reason)
        self.closed_at = at

    def reopen(self, reason: str, actor: Actor, at: datetime) -> None:
        """A new epoch: what was confirmed before counts no more. Who had the case goes on with it at once."""
        self.become("reopened", at, actor.by, reason)
        self.epoch += 1
        self.epoch_began_at = at
        self.resolution = self.resolved_at = self.closes_at = self.proposed_resolution = self.closing_code = None
        if self.assignee:
            self.take_up()

    def ask_to_cancel(self, reason: str, actor: Actor, at: datetime) -> None:
        self.become("assessing_cancellation", at, actor.by, reason)
        self.cancellation = Cancellation(reason=reason, by=actor.by, at=at)

    def cancel(self, reason: str, actor: Actor, at: datetime) -> None:
        self.become("cancelled", at, actor.by, reason)

    def go_on(self, reason: str, actor: Actor, at: datetime) -> Workable:
        """Back to what the facts say, which may have moved on meanwhile."""
        to = self.unresolved_state
        self.become(to, at, actor.by, reason)
        self.cancellation = None
        return to

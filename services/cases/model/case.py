"""The case: a customer's request from intake to its end. Its state is derived from the facts that it holds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa

from libs.events.cases import ExternalIdentifier
from libs.events.values import Channel, Impact, Language, Priority, Severity
from libs.events.values import Wait as WaitKind
from libs.store import Entity
from libs.store.metadata import metadata
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.lifecycle import WORKABLE, CaseState, Command, machine, permit
from services.cases.model.parts import (
    Cancellation,
    Confirmation,
    Coverage,
    Handover,
    PartnerRequest,
    Resolution,
    StateChange,
    Wait,
    Workaround,
)
from services.cases.model.wording import say


@dataclass(frozen=True)
class Settled:
    """What came of a new fact: waits that began and ended, and whether the case resolved by itself or took that back."""

    began: list[Wait]
    ended: list[Wait]
    resolved: bool
    took_back: bool


class Case(
    Entity,
    table="cases",
    indexes=(
        ("opened_at", "id"), ("account_id", "opened_at", "id"), ("state", "opened_at", "id"), ("severity", "opened_at", "id"),
        ("priority", "opened_at", "id"), ("queue", "opened_at", "id"), ("queue", "state"), ("serial", "account_id"),
    ),
    unique=("number",),
):  # fmt: skip
    """A service request. Commands ask `permit` first; facts of other services are recorded whatever the state."""

    account_id: UUID
    number: str
    state: CaseState = "acknowledged"
    channel: Channel
    description: str
    observed_impact: Impact
    customer_severity: Severity
    severity: Severity  # ours
    priority: Priority
    product_number: str | None = None
    serial: str | None = None
    no_product_reason: str | None = None
    family: str | None = None  # from here on as CoverageDecided tells
    country: str | None = None
    coverage: Coverage = field(default_factory=Coverage)
    site_id: UUID | None = None
    contact_id: UUID | None = None
    language: Language
    reporter_name: str
    opened_by: str
    opened_at: datetime
    external_identifiers: list[ExternalIdentifier] = field(default_factory=list)
    alert_id: UUID | None = None
    parent_id: UUID | None = None
    follow_up_of: UUID | None = None
    duplicate_of: list[UUID] = field(default_factory=list)  # likely ones, open when this one came
    queue: str | None = None
    shift: str | None = None
    queue_history: list[Handover] = field(default_factory=list)
    assignee: str | None = None
    assignee_name: str | None = None
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
    cancellation: Cancellation | None = None
    epoch: int = 1  # one more with each reopening
    epoch_began_at: datetime
    worked_epoch: int = 0  # the last one in which somebody took it up
    history: list[StateChange] = field(default_factory=list)

    def permit(self, command: Command) -> None:
        """Raises CaseClosedToCommands or NotPossibleNow."""
        over = (
            {"follow_up": {"path": "/v1/cases", "follow_up_of": str(self.id)}}
            if self.state in {"closed", "cancelled"}
            else {}
        )
        permit(command, self.state, self.number, **over)

    @property
    def untaken(self) -> bool:
        """Worked on, but nobody's yet: it goes where somebody is on duty."""
        return self.state in WORKABLE and self.assignee is None

    @property
    def standing_waits(self) -> list[WaitKind]:
        return [w.kind for w in self.waits if w.stands]

    def enter(self, to: CaseState, at: datetime, by: str, reason: str) -> None:
        """Raises ForbiddenTransition."""
        machine.check(self.state, to)
        self.state = to
        self.history.append(StateChange(state=to, at=at, by=by, reason=reason))

    # --- facts ----------------------------------------------------------------------------------------------------

    def take_up(self) -> None:
        """Somebody works on it: assignment, diagnosis, or a fact that presupposes one."""
        self.worked_epoch = self.epoch

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
        """One wait for each cause: what is waited for already is not waited for twice."""
        if cause_id and any(w.stands and (w.kind, w.cause_id) == (kind, cause_id) for w in self.waits):
            return
        self.waits.append(Wait(id=id, kind=kind, cause_id=cause_id, note=note, since=since, by=by))
        self.waits.sort(key=lambda w: (w.since, w.id))
        self.take_up()

    def end_waits(self, ending: Iterable[Wait], *, at: datetime, by: str, reason: str) -> None:
        for wait in ending:
            if wait.stands:
                wait.ended_at, wait.ended_by, wait.end_reason = max(at, wait.since), by, reason

    def confirm(self, confirmation: Confirmation) -> None:
        """The customer says that it works."""
        if confirmation not in self.confirmations:
            self.confirmations.append(confirmation)
            self.confirmations.sort(key=lambda c: (c.at, c.cause_id))

    @property
    def confirmation(self) -> Confirmation | None:
        """The first since the case was (re)opened: an objection outlives every word before it."""
        return next((c for c in self.confirmations if c.at >= self.epoch_began_at), None)

    # --- the state that follows ---------------------------------------------------------------------------------

    def _derived(self) -> CaseState:
        if self.state in {"closed", "cancelled", "assessing_cancellation"}:
            return self.state
        if self.resolution and not self.resolution.automatic:
            return "resolved"
        return self._open_state(resolves=True)

    def _open_state(self, *, resolves: bool) -> CaseState:
        if self.worked_epoch == self.epoch and self.standing_waits:
            return "pending"
        if resolves and self.confirmation and not self.standing_waits:
            return "resolved"
        if self.worked_epoch == self.epoch:
            return "in_progress"
        return "acknowledged" if self.epoch == 1 else "reopened"

    def settle(self, at: datetime, by: str, reason: str) -> Settled:
        """Goes where the facts now say, and says what has to be told. Told once, whoever brought the facts in what order."""
        before, to = self.state, self._derived()
        took_back = before == "resolved" and to == "pending"
        resolved = before != "resolved" and to == "resolved"
        if took_back:
            self.resolution = self.resolved_at = self.closes_at = None
        if before != to and before != "in_progress" and to in {"pending", "resolved"} and not took_back:
            self.enter("in_progress", at, by, reason)
        if self.state != to:
            self.enter(to, at, by, reason)
        if to == "resolved" and not (self.resolution and not self.resolution.automatic):
            self._resolve_by_itself()
        quiet = to in {"closed", "cancelled"} or (
            to == "resolved" and self.resolution and not self.resolution.automatic
        )
        began = [] if quiet else [w for w in self.waits if w.stands and w.told == "nothing"]
        ended = [] if quiet else [w for w in self.waits if not w.stands and w.told == "began"]
        for wait in began:
            wait.told = "began"
        for wait in ended:
            wait.told = "ended"
        return Settled(began, ended, resolved, took_back)

    def _resolve_by_itself(self) -> None:
        """At the instant of the last fact it needed, not of our hearing of it."""
        word = self.confirmation
        assert word is not None
        ends = [w.ended_at for w in self.waits if w.ended_at and w.ended_at >= self.epoch_began_at]
        self.resolved_at = max([word.at, *ends])
        text = say(f"resolved_by_{word.kind}", self.language, name=word.signed_by)
        self.resolution = Resolution(
            text=text, cause_id=word.cause_id, automatic=True, by=SYSTEM.by, at=self.resolved_at
        )

    def downtime(self) -> timedelta | None:
        """From the opening to the resolution, where the product was down."""
        down = self.observed_impact == "down" and self.resolved_at
        return max(self.resolved_at - self.opened_at, timedelta(0)) if down and self.resolved_at else None

    # --- commands -------------------------------------------------------------------------------------------------

    def resolve(self, text: str, actor: Actor, at: datetime, cause_id: UUID | None = None) -> None:
        self.permit("resolve")
        self.enter("resolved", at, actor.by, text)
        self.resolution = Resolution(text=text, cause_id=cause_id, by=actor.by, at=at)
        self.resolved_at = at

    def close(self, by: str, at: datetime, reason: str) -> None:
        self.permit("close")
        self.enter("closed", at, by, reason)
        self.closed_at = at

    def reopen(self, reason: str, actor: Actor, at: datetime) -> None:
        """A new epoch: what was confirmed before counts no more."""
        self.permit("reopen")
        self.enter("reopened", at, actor.by, reason)
        self.epoch += 1
        self.epoch_began_at = at
        self.resolution = self.resolved_at = self.closes_at = self.proposed_resolution = None

    def ask_to_cancel(self, reason: str, actor: Actor, at: datetime) -> None:
        self.permit("cancel")
        self.enter("assessing_cancellation", at, actor.by, reason)
        self.cancellation = Cancellation(reason=reason, by=actor.by, at=at)

    def cancel(self, reason: str, actor: Actor, at: datetime) -> None:
        self.permit("cancellation")
        self.enter("cancelled", at, actor.by, reason)

    def decline_cancellation(self, reason: str, actor: Actor, at: datetime) -> CaseState:
        """Back to what the facts say, which may have moved on meanwhile."""
        self.permit("cancellation")
        to = self._open_state(resolves=False)
        self.enter(to, at, actor.by, reason)
        self.cancellation = None
        return to


for _name in (
    "assignee",
    "problem_id",
    "parent_id",
):  # few cases have one when they are opened, and a POST writes none of these
    sa.Index(
        f"cases_{_name}_opened_at_id_idx",
        Case.c[_name], Case.c.opened_at, Case.c.id,
        postgresql_where=Case.c[_name].is_not(None),
    )  # fmt: skip

case_external_ids = sa.Table(
    "case_external_ids",
    metadata("cases"),
    sa.Column("external_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Uuid, primary_key=True),
    sa.Column("account_id", sa.Uuid, nullable=False),
    sa.Index("case_external_ids_case_id_idx", "case_id"),
)
"""Which cases carry an identifier of the customer's, kept by triggers: no index on JSON is used under row-level security."""

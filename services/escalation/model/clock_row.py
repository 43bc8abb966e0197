"""A clock as it was last told: the row behind `/v1/clocks`, drawn anew from the facts each time one comes."""

from datetime import UTC, datetime
from typing import Self, TypedDict
from uuid import UUID

import sqlalchemy as sa

from libs.events.escalation import ClockKind, ClockMet, ClockPaused, ClockResumed, ClockStarted, ClockStopped
from libs.events.values import Priority, Wait
from libs.store import Entity
from libs.store.ids import derived
from services.escalation.model.clock import ClockState, Reading

ClockEvent = ClockStarted | ClockPaused | ClockResumed | ClockMet | ClockStopped


class ClockIds(TypedDict):
    """What every event of a clock says."""

    clock_id: UUID
    case_id: UUID
    clock: ClockKind
    epoch: int


def clock_id(case_id: UUID, reading: Reading) -> UUID:
    """The same for the same case, kind, epoch and round."""
    return derived(case_id, f"clock:{reading.kind}:{reading.epoch}:{reading.round}")


class Clock(Entity, table="clocks", indexes=("case_id", ("state", "due_at"))):
    """`due_at` is None while the clock stands still; `thresholds` says when each percentage is reached. `remaining_seconds` is
    there while it stands still, `elapsed_seconds` once it has ended. `missed_at` is when it was due, of one that was missed: that stays
    so, whatever is due now."""

    case_id: UUID
    account_id: UUID | None = None
    kind: ClockKind
    epoch: int
    round: int
    priority: Priority
    target_seconds: int
    policy_version: int
    state: ClockState
    started_at: datetime
    due_at: datetime | None = None
    thresholds: dict[int, datetime | None]
    paused_at: datetime | None = None
    waiting_for: Wait | None = None
    paused_seconds: int = 0
    remaining_seconds: int | None = None
    resumed_at: datetime | None = None
    elapsed_seconds: int | None = None
    ended_at: datetime | None = None
    in_time: bool | None = None
    missed_at: datetime | None = None
    reason: str | None = None

    @classmethod
    def of(cls, reading: Reading, case_id: UUID, account_id: UUID | None, version: int) -> Self:
        """The row that says what the reading says. `version` is the policy's."""
        assert reading.kind in ("first_response", "update", "resolution")
        paused = reading.pauses[-1] if reading.state == "paused" else None
        ended = reading.ended_at
        return cls(
            id=clock_id(case_id, reading),
            case_id=case_id,
            account_id=account_id,
            kind=reading.kind,
            epoch=reading.epoch,
            round=reading.round,
            priority=reading.priority,
            target_seconds=int(reading.target_time.total_seconds()),
            policy_version=version,
            state=reading.state,
            started_at=reading.started_at,
            due_at=None if paused else reading.due_at(),
            thresholds={percent: reading.due_at(percent) for percent in reading.settings.percents},
            paused_at=paused.start if paused else None,
            waiting_for=paused.wait if paused else None,
            paused_seconds=int(reading.paused_for.total_seconds()),
            remaining_seconds=int(reading.remaining(paused.start).total_seconds()) if paused else None,
            resumed_at=reading.pauses[-1].end if reading.pauses else None,
            elapsed_seconds=int(reading.elapsed(ended).total_seconds()) if ended else None,
            ended_at=ended,
            in_time=False if reading.missed_at else True if reading.met else None,
            missed_at=reading.missed_at,
            reason=reading.reason,
        )

    @property
    def ids(self) -> ClockIds:
        """What every event of this clock says."""
        return {"clock_id": self.id, "case_id": self.case_id, "clock": self.kind, "epoch": self.epoch}

    def redraw(self, other: Self) -> None:
        """Says what `other` says, as the same row."""
        self.__dict__.update(other.__dict__ | {"version": self.version, "revision": self.revision})

    def told_anew(self, before: Self | None, first_due_at: datetime) -> list[ClockEvent]:
        """The events that tell whoever knew it as `before` how it stands now; none where nothing changed."""
        if before is None:
            as_started = self.state == "running" and not self.resumed_at
            return [self._started(first_due_at)] if as_started else [self._started(first_due_at), self._stand()]
        same_target = (before.priority, before.target_seconds) == (self.priority, self.target_seconds)
        stands = ("state", "due_at", "remaining_seconds", "paused_seconds", "ended_at", "missed_at")
        if all(getattr(before, name) == getattr(self, name) for name in stands):
            return [] if same_target or self.state != "running" else [self._started(self.due_at)]
        went_on = before.state == "running" and before.paused_seconds == self.paused_seconds
        if self.state == "running" and (went_on or not self.resumed_at):
            return [self._started(self.due_at)]
        return [self._stand()]

    def _stand(self) -> ClockEvent:
        match self.state:
            case "paused":
                assert self.waiting_for
                assert self.paused_at
                assert self.remaining_seconds is not None
                return ClockPaused(
                    **self.ids,
                    wait=self.waiting_for,
                    remaining_seconds=self.remaining_seconds,
                    paused_at=self.paused_at,
                )
            case "met":
                assert self.due_at
                assert self.ended_at
                assert self.elapsed_seconds is not None
                return ClockMet(
                    **self.ids,
                    in_time=bool(self.in_time),
                    elapsed_seconds=self.elapsed_seconds,
                    due_at=self.due_at,
                    missed_at=self.missed_at,
                    met_at=self.ended_at,
                )
            case "stopped":
                assert self.ended_at
                reason = f"the case was {self.reason}"
                return ClockStopped(**self.ids, reason=reason, missed_at=self.missed_at, stopped_at=self.ended_at)
        assert self.due_at
        assert self.resumed_at
        return ClockResumed(
            **self.ids, paused_seconds=self.paused_seconds, resumed_at=self.resumed_at, due_at=self.due_at
        )

    def _started(self, due_at: datetime | None) -> ClockEvent:
        assert due_at
        return ClockStarted(
            **self.ids,
            priority=self.priority,
            target_seconds=self.target_seconds,
            policy_version=self.policy_version,
            started_at=self.started_at,
            due_at=due_at,
        )


NEVER = datetime(9999, 1, 1, tzinfo=UTC)
due_or_never = sa.case(
    (Clock.c.due_at.is_(None), sa.literal_column("'9999-01-01 00:00:00+00'::timestamptz", Clock.c.due_at.type)),
    else_=Clock.c.due_at,
)
"""What clocks are listed by: those that stand still come last. A constant in the statement, or its indexes are not seen; and no
coalesce, which PostgreSQL does not look up in an index under row-level security."""
# The same as PostgreSQL writes it down, line by line: so Alembic sees that the migrated index is this one.
_INDEXED = "\nCASE\n WHEN due_at IS NULL THEN '9999-01-01 00:00:00+00'::timestamptz\n ELSE due_at\nEND"
for _names in ((), ("account_id",), ("kind",), ("state",)):
    sa.Index(
        f"clocks_{''.join(f'{name}_' for name in _names)}due_id_idx",
        *(Clock.c[name] for name in _names),
        sa.text(f"({_INDEXED})"),
        Clock.c.id,
    )

"""After a new fact: the state that follows from all of them, and what has to be told of it."""

from datetime import datetime, timedelta

from libs.events.cases import CasePending, CaseResolved, CaseResumed
from libs.kit.calendar import calendar
from libs.store import Cause, Transaction
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.case import Case
from services.cases.model.policy import CasesPolicy, policies

AUTO_CLOSE, SHIFT = "auto_close", "shift"


def cause_of(tx: Transaction) -> Cause:
    """The foreign fact that a handler works on."""
    assert tx.cause is not None
    return tx.cause


async def settle(case: Case, tx: Transaction, *, at: datetime, by: str, reason: str) -> None:
    """`at` is the instant of the fact, `by` and `reason` say who brought it and what it was."""
    resolved_before = case.resolved_at
    settled = case.settle(at, by, reason)
    for wait in settled.began:
        tx.emit(
            CasePending(
                case_id=case.id, wait_id=wait.id, wait=wait.kind, cause_id=wait.cause_id, note=wait.note,
                waits=case.standing_waits, takes_back_resolution=settled.took_back, by=wait.by, since=wait.since,
            )
        )  # fmt: skip
    for wait in settled.ended:
        assert wait.ended_at is not None
        tx.emit(
            CaseResumed(
                case_id=case.id, wait_id=wait.id, wait=wait.kind, cause_id=wait.cause_id, waits=case.standing_waits,
                reason=wait.end_reason or reason, waited_seconds=int((wait.ended_at - wait.since).total_seconds()),
                by=wait.ended_by or by, resumed_at=wait.ended_at,
            )
        )  # fmt: skip
    if settled.took_back:
        tx.cancel_timer(case, AUTO_CLOSE)
        tx.set_timer(case, SHIFT, tx.now)  # the shift may have changed meanwhile
    if case.resolved_at and case.resolved_at != resolved_before:
        await schedule_close(case, tx)
        if settled.resolved:
            tell_resolved(case, tx, SYSTEM)


async def schedule_close(case: Case, tx: Transaction) -> None:
    """At the end of the policy's last business day after the resolution."""
    assert case.resolved_at is not None
    policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
    case.closes_at = closing_time(case.resolved_at, policy)
    tx.set_timer(case, AUTO_CLOSE, case.closes_at)
    tx.cancel_timer(case, SHIFT)


def closing_time(resolved_at: datetime, policy: CasesPolicy) -> datetime:
    days = calendar(policy.business_calendar)
    return days.at(days.add_working_days(days.local_date(resolved_at), policy.auto_close_business_days), "24:00")


def tell_resolved(case: Case, tx: Transaction, actor: Actor) -> None:
    assert case.resolution is not None
    downtime: timedelta | None = case.downtime()
    tx.emit(
        CaseResolved(
            case_id=case.id, resolution=case.resolution.text, cause_id=case.resolution.cause_id,
            automatic=case.resolution.automatic, downtime_seconds=int(downtime.total_seconds()) if downtime is not None else None,
            closes_at=case.closes_at, by=actor.by, by_role=actor.role, resolved_at=case.resolution.at,
        )
    )  # fmt: skip

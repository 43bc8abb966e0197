"""After a new fact: the state that follows from all of them, and what has to be told of it."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from libs.events.cases import CasePending, CaseResolved, CaseResumed
from libs.events.cases_work import FirstResponseSent
from libs.store import Transaction
from services.cases.model.actor import SYSTEM, Actor
from services.cases.model.business_days import business_days
from services.cases.model.case import AUTO_CLOSE, SHIFT, SILENCE, Case
from services.cases.model.case_values import Wait
from services.cases.model.follow_facts import follow_facts
from services.cases.model.policy import policies
from services.cases.model.silence import next_look


async def act_on(case: Case, tx: Transaction, *, at: datetime, by: str, reason: str) -> None:
    """`at` is the instant of the fact, `by` and `reason` say who brought it and what it was."""
    resolved_before = case.resolved_at
    news = follow_facts(case, at, by, reason)
    for wait in news.began:
        tx.emit(
            CasePending(
                case_id=case.id,
                **wait.facts(),
                note=wait.note,
                waits=case.standing_waits,
                takes_back_resolution=news.took_back,
                by=wait.by,
                since=wait.since,
            )
        )
    tell_ended(case, news.ended, tx)
    if news.took_back:
        tx.cancel_timer(case, AUTO_CLOSE)
        # The shift may have changed meanwhile.
        tx.set_timer(case, SHIFT, tx.now)
    if any(w.kind == "customer" for w in case.waits):
        await look_again(case, tx)
    if case.resolved_at and case.resolved_at != resolved_before:
        await schedule_close(case, tx)
        if news.resolved:
            tell_resolved(case, tx, SYSTEM)


async def look_again(case: Case, tx: Transaction) -> None:
    """When the next reminder is due, or the customer's silence has lasted; not while they owe us no answer."""
    policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
    if when := next_look(case, business_days(case, policy), policy):
        tx.set_timer(case, SILENCE, when)
    else:
        tx.cancel_timer(case, SILENCE)


def tell_ended(case: Case, ended: Iterable[Wait], tx: Transaction) -> None:
    for wait in ended:
        assert wait.ended_at
        assert wait.ended_by
        assert wait.end_reason
        tx.emit(
            CaseResumed(
                case_id=case.id,
                **wait.facts(),
                waits=case.standing_waits,
                reason=wait.end_reason,
                waited_seconds=int((wait.ended_at - wait.since).total_seconds()),
                by=wait.ended_by,
                resumed_at=wait.ended_at,
            )
        )


def tell_first_response(case: Case, tx: Transaction, actor: Actor, note_id: UUID | None = None) -> bool:
    """Support has said something to the customer; tells it if that was the first time, and says so."""
    if (took := case.answer(tx.now)) is not None:
        tx.emit(
            FirstResponseSent(
                case_id=case.id,
                note_id=note_id,
                response_seconds=int(took.total_seconds()),
                by=actor.by,
                sent_at=tx.now,
            )
        )
    return took is not None


async def schedule_close(case: Case, tx: Transaction) -> None:
    """At the end of the policy's last business day after the resolution."""
    assert case.resolved_at is not None
    policy = await policies.at(tx, plan=case.coverage.plan, region=case.country, severity=case.severity)
    days = business_days(case, policy)
    case.closes_at = days.end_of_working_day(case.resolved_at, policy.auto_close_business_days).at
    tx.set_timer(case, AUTO_CLOSE, case.closes_at)
    tx.cancel_timer(case, SHIFT)
    tx.cancel_timer(case, SILENCE)


def tell_resolved(case: Case, tx: Transaction, actor: Actor) -> None:
    """With the downtime that it cost, in seconds, where the product was down."""
    assert case.resolution is not None
    downtime = case.downtime()
    tx.emit(
        CaseResolved(
            case_id=case.id,
            resolution=case.resolution.text,
            cause_id=case.resolution.cause_id,
            automatic=case.resolution.automatic,
            reason=case.resolution.reason,
            closing_code=case.closing_code,
            downtime_seconds=None if downtime is None else int(downtime.total_seconds()),
            closes_at=case.closes_at,
            **actor.facts(),
            resolved_at=case.resolution.at,
        )
    )

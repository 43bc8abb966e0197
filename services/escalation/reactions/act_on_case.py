"""Draws anew what follows from a case's facts: its clocks, the thresholds to wait for, the end of its escalations."""

from libs.events.escalation import ThresholdBreached
from libs.store import Transaction
from services.escalation.model.breach import Breach, breach_id
from services.escalation.model.case_file import CaseFile
from services.escalation.model.clock import readings
from services.escalation.model.clock_row import Clock, clock_id
from services.escalation.model.escalation import Escalation
from services.escalation.model.recipients import told_of_breach
from services.escalation.model.thresholds import Threshold, thresholds
from services.escalation.reactions.end_escalation import end_escalation
from services.escalation.reactions.in_force import TermsOfCase, terms_of
from services.escalation.reactions.raise_escalation import raise_escalation

THRESHOLD = "threshold"


async def settle(case: CaseFile, tx: Transaction) -> None:
    """Needs the file locked. The same facts give the same rows, in whatever order they came."""
    if tx.rebuilding or case.opened_at is None:
        return
    terms = await terms_of(case, tx)
    await _tell_clocks(case, terms, tx)
    _arm(case, terms, tx)
    if not case.is_worked:
        await _end_escalations(case, tx)


async def _tell_clocks(case: CaseFile, terms: TermsOfCase, tx: Transaction) -> None:
    found = readings(case.facts, terms)
    known = await tx.find_many(Clock, [clock_id(case.id, reading) for reading in found], lock=True)
    for reading, before in zip(found, known, strict=True):
        settings = terms(reading.severity, reading.ended_at)
        version = terms.version(reading.severity, reading.ended_at)
        now = Clock.of(reading, case.id, case.account_id, version, settings.percents)
        events = now.told_anew(before, reading.first_due_at)
        if before is None:
            tx.add(now)
        else:
            before.become(now)
        for event in events:
            tx.emit(event)


def _due(case: CaseFile, terms: TermsOfCase) -> list[Threshold]:
    """Those that have not fired, the earliest first."""
    return [each for each in thresholds(case.facts, terms) if _mark(each) not in case.breached]


def _mark(threshold: Threshold) -> str:
    return f"{threshold.epoch}:{threshold.key}"


def _arm(case: CaseFile, terms: TermsOfCase, tx: Transaction) -> None:
    """One timer for each rule and percentage. What is overdue is left to its timer too: facts that excuse it may be on their way."""
    wanted = {each.key: each.due_at for each in reversed(_due(case, terms))}
    for key in case.timers.keys() - wanted.keys():
        tx.cancel_timer(case, f"{THRESHOLD}:{key}")
    for key, due_at in wanted.items():
        if case.timers.get(key) != due_at:
            tx.set_timer(case, f"{THRESHOLD}:{key}", due_at)
    case.timers = dict(sorted(wanted.items()))


async def pass_threshold(case: CaseFile, tx: Transaction, key: str) -> None:
    """The timer of a threshold: it is looked at again, since the policy may have moved it, and fires when it is due."""
    case.timers = {armed: due_at for armed, due_at in case.timers.items() if armed != key}
    terms = await terms_of(case, tx)
    for threshold in _due(case, terms):
        if threshold.key == key and threshold.due_at <= tx.now:
            await breach(case, threshold, terms, tx)
            break
    _arm(case, terms, tx)


async def recompute(case: CaseFile, tx: Transaction, _detail: str) -> None:
    """The timer that a new policy sets."""
    await settle(case, tx)


async def breach(case: CaseFile, threshold: Threshold, terms: TermsOfCase, tx: Transaction) -> Escalation | None:
    """Puts the breach on record, tells it, and raises the escalation that it calls for."""
    assert case.severity
    settings = terms(case.severity, None)
    raises = threshold.raises and case.is_worked
    row = tx.add(
        Breach(
            id=breach_id(case.id, threshold), case_id=case.id, account_id=case.account_id, key=threshold.key,
            rule=threshold.rule, percent=threshold.percent, epoch=threshold.epoch, priority=threshold.priority,
            due_at=threshold.due_at, breached_at=tx.now, raised=raises, explanation=threshold.explanation,
            recipients=await told_of_breach(case, settings, tx),
        )
    )  # fmt: skip
    case.breached = sorted([*case.breached, _mark(threshold)])
    tx.emit(
        ThresholdBreached(
            case_id=case.id, breach_id=row.id, rule=threshold.rule, clock=threshold.clock, percent=threshold.percent,
            epoch=threshold.epoch, priority=threshold.priority, due_at=threshold.due_at, breached_at=tx.now,
            raises_escalation=raises, explanation=threshold.explanation, recipients=row.recipients,
        )
    )  # fmt: skip
    if not raises:
        return None
    return await raise_escalation(
        case, reason=threshold.rule, explanation=threshold.explanation, settings=settings, breach_id=row.id, tx=tx
    )


async def breach_now(case: CaseFile, rule: str, tx: Transaction) -> Escalation | None:
    """Fires an occurrence that has just been recorded, without waiting for its timer; None when it fired before."""
    terms = await terms_of(case, tx)
    for threshold in _due(case, terms):
        if threshold.rule == rule and threshold.epoch == case.epoch:
            escalation = await breach(case, threshold, terms, tx)
            _arm(case, terms, tx)
            return escalation
    return None


async def _end_escalations(case: CaseFile, tx: Transaction) -> None:
    open_ones = await tx.select(
        Escalation, Escalation.c.case_id == case.id, Escalation.c.state != "resolved", lock=True
    )
    for escalation in open_ones:
        await end_escalation(escalation, f"The case was {case.state}.", tx, automatic=True)
